"""The figures: what each pair of runs measures, and the mark it is held against."""

from typing import Any

from bench import advice, issuing
from bench.grounds import Shelf, Slice
from bench.measured import Bench, Figure, Measure, Reading, Row

CLIENTS = 16
CLIENTS_ON_SQLITE = 8
LIST = 256
IMPORTED_A_SECOND = 10_000
WARM_UP = 100
WARM_UP_LISTS = 2
SWEPT = 10_000  # Codes that a sweep, a re-sealing or an edit has to do with in one round.


def measure_single(bench: Bench) -> dict[str, Reading]:
    alone = bench.floor.run(clients=1, seconds=bench.seconds)
    ours = redeem(bench.ours, bench.codes(0.6), bench, size=1)
    asked = redeem(bench.ours, bench.codes(0.4), bench, size=1, validated=True)
    crowd = bench.floor.run(clients=CLIENTS, seconds=bench.seconds)
    return {
        "single": Reading(ours["per_second"], alone.per_second),
        "single_validated": Reading(asked["per_second"], ours["per_second"]),
        "single_crowd": Reading(ours["per_second"], crowd.per_second),
        "single_cpu": Reading(ours["cpu_ms"]),
        "single_database": Reading(ours["database_cpu_ms"]),
        "floor_database": Reading(alone.cpu_ms),
    }


def measure_lists(bench: Bench) -> dict[str, Reading]:
    crowd = bench.floor.run(clients=CLIENTS, seconds=bench.seconds)
    ours = redeem(bench.ours, bench.codes(3), bench, size=LIST)
    return {
        "lists": Reading(ours["per_second"], crowd.per_second),
        "lists_cpu": Reading(ours["cpu_ms"]),
        "lists_database": Reading(ours["database_cpu_ms"]),
    }


def measure_http(bench: Bench) -> dict[str, Reading]:
    crowd = bench.floor.run(clients=CLIENTS, seconds=bench.seconds)
    heard = load(bench.ours, bench.codes(0.6), bench, clients=CLIENTS)
    return {
        "http": Reading(heard["per_second"], crowd.per_second),
        "http_p50": Reading(heard["p50_ms"]),
        "http_p99": Reading(heard["p99_ms"]),
        "http_cpu": Reading(heard["server_cpu_ms"]),
        "http_database": Reading(heard["database_cpu_ms"]),
        "http_load": Reading(heard["load_cpu_ms"]),
        "crowd_database": Reading(crowd.cpu_ms),
    }


def measure_hot(bench: Bench) -> dict[str, Reading]:
    row = bench.floor.run_hot(bench.hot["code_id"], clients=CLIENTS, seconds=bench.seconds)
    codes = Slice(bench.hot["path"], 0, bench.codes(1))
    heard = bench.web(bench.ours.ground).load(codes, clients=CLIENTS, seconds=bench.seconds, same=True)
    return {"hot": Reading(heard["per_second"], row.per_second), "hot_p99": Reading(heard["p99_ms"])}


def measure_sqlite(bench: Bench) -> dict[str, Reading]:
    shelf = bench.sqlite()
    ours = redeem(shelf, shelf.left // 2, bench, size=1)
    heard = load(shelf, shelf.left, bench, clients=CLIENTS_ON_SQLITE)
    return {
        "sqlite": Reading(heard["per_second"], ours["per_second"]),
        "sqlite_p50": Reading(heard["p50_ms"]),
        "sqlite_p99": Reading(heard["p99_ms"]),
        "sqlite_cpu": Reading(heard["server_cpu_ms"]),
    }


def measure_issuing(key: str, count: int) -> Measure:
    def measure(bench: Bench) -> dict[str, Reading]:
        ours = issuing.pair(bench.floor.server, bench.ours.ground, bench.floor.database, count)
        return {
            key: Reading(ours["per_second"], ours[issuing.WITH_KEYS]),
            f"{key}_bare": Reading(ours["per_second"], ours[issuing.WITHOUT_KEYS]),
            f"{key}_cpu": Reading(ours["cpu_us"]),
            f"{key}_database": Reading(ours["database_cpu_us"]),
        }

    return measure


def measure_memory(bench: Bench) -> dict[str, Reading]:
    return {"memory": Reading(issuing.peak_memory_mb(bench.ours.ground, bench.memory_codes))}


def measure_handout(bench: Bench) -> dict[str, Reading]:
    shelf = bench.given
    shelf.fill(2 * bench.codes(0.6))
    crowd = bench.floor.run(clients=CLIENTS, seconds=bench.seconds)
    batch = {"batch_id": shelf.batch_id, "seconds": bench.seconds}
    alone = shelf.ground.do("hand_out", **batch, most=bench.codes(0.6))
    shelf.used(alone["used"])
    heard = bench.web(shelf.ground).hand_out(shelf.take(bench.codes(0.6)), clients=CLIENTS, **batch)
    shelf.used(heard["used"])
    return {
        "handout": Reading(heard["per_second"], crowd.per_second),
        "handout_single": Reading(alone["per_second"], crowd.per_second),
        "handout_p99": Reading(heard["p99_ms"]),
        "handout_cpu": Reading(heard["server_cpu_ms"]),
        "handout_database": Reading(heard["database_cpu_ms"]),
    }


def measure_household(bench: Bench) -> dict[str, Reading]:
    alone = bench.floor.run(clients=1, seconds=bench.seconds)
    if "households" not in bench.ours.ground.facts:
        bench.ours.ground.do("prepare_households", count=bench.households)
        bench.ours.ground.facts["households"] = bench.households
    ours = bench.ours.ground.do(
        "redeem_households",
        seconds=bench.seconds,
        most=bench.codes(1),
        server_pid=bench.ours.ground.server_pid,
    )
    return {
        "household": Reading(ours["per_second"], alone.per_second),
        "household_reserve": Reading(ours["reserved_per_second"], alone.per_second),
        "household_cpu": Reading(ours["cpu_ms"]),
        "household_database": Reading(ours["database_cpu_ms"]),
    }


def issuing_figure(name: str, count: int, *, long: bool = False) -> Figure:
    rows = (
        Row(name, f"{count:,} codes issued / plain COPY of the same rows", mark=1.0),
        Row(f"{name}_bare", "   the same / COPY where nothing has foreign keys"),
        Row(f"{name}_cpu", "   processor time of our process, a code", "µs"),
        Row(f"{name}_database", "   processor time of the database, a code", "µs"),
    )
    return Figure(name, rows, measure_issuing(name, count), long=long)


def measure_importing(bench: Bench) -> dict[str, Reading]:
    bench.imports += 1
    rows = IMPORTED_A_SECOND * bench.seconds
    told = bench.ours.ground.do("import", name=f"import {bench.imports}", rows=rows)
    return {
        "importing": Reading(told["check"], told["check_floor"]),
        "importing_made": Reading(told["made"], told["made_floor"]),
    }


def measure_sweep(bench: Bench) -> dict[str, Reading]:
    small, large = (bench.table(rows).do("sweep", count=SWEPT) for rows in bench.rows)
    return {
        "sweep": Reading(small["ours"], small["floor"]),
        "sweep_large": Reading(large["ours"], large["floor"]),
        "sweep_growth": Reading(large["ours"], small["ours"]),
    }


def measure_reseal(bench: Bench) -> dict[str, Reading]:
    return {"reseal": Reading(**bench.table(bench.rows[0]).do("reseal", count=SWEPT))}


def measure_edit(bench: Bench) -> dict[str, Reading]:
    return {"edit": Reading(**bench.table(bench.rows[0]).do("edit", count=SWEPT))}


def redeem(shelf: Shelf, most: int, bench: Bench, *, size: int, validated: bool = False) -> dict[str, Any]:
    """One process of our own; ``most`` codes, each ``validated`` first or not."""
    warm_up = WARM_UP if size == 1 else WARM_UP_LISTS
    answer = shelf.ground.redeem(
        shelf.take(most), seconds=bench.seconds, size=size, warm_up=warm_up, validated=validated
    )
    shelf.used(answer["used"])
    return answer


def load(shelf: Shelf, most: int, bench: Bench, *, clients: int) -> dict[str, Any]:
    """The web server over the shelf's ground, under load; ``most`` codes."""
    heard = bench.web(shelf.ground).load(shelf.take(most), clients=clients, seconds=bench.seconds)
    shelf.used(heard["used"])
    return heard


FIGURES = (
    Figure(
        "single",
        (
            Row("single", "one redemption in process / floor, each with 1 client", mark=0.30),
            Row("single_validated", "   each after a validation, its time included / without"),
            Row("single_crowd", "   the same / floor at 16 clients"),
            Row("single_cpu", "   processor time of our process", "ms"),
            Row("single_database", "   processor time of the database", "ms"),
            Row("floor_database", "   … and for the floor", "ms"),
        ),
        measure_single,
        floors=3,
        ours=1,
    ),
    Figure(
        "lists",
        (
            Row("lists", "lists of 256 in process / floor at 16 clients", mark=1.2),
            Row("lists_cpu", "   processor time of our process", "ms"),
            Row("lists_database", "   processor time of the database", "ms"),
        ),
        measure_lists,
        floors=2,
        ours=3,
    ),
    Figure(
        "http",
        (
            Row("http", "over HTTP, 16 clients / floor at 16 clients", mark=0.25),
            Row("http_p50", "   half of the answers within", "ms"),
            Row("http_p99", "   99 of 100 answers within", "ms"),
            Row("http_cpu", "   processor time of the web processes", "ms", mark=3.0),
            Row("http_database", "   processor time of the database", "ms"),
            Row("crowd_database", "   … and for the floor", "ms"),
            Row("http_load", "   processor time of the load generator", "ms"),
        ),
        measure_http,
        floors=2,
        ours=0.6,
    ),
    Figure(
        "hot",
        (
            Row("hot", "one hot code over HTTP / floor on such a row, 16 clients", mark=0.7),
            Row("hot_p99", "   99 of 100 answers within", "ms"),
        ),
        measure_hot,
    ),
    Figure(
        "handout",
        (
            Row("handout", "codes handed out over HTTP, 16 clients / floor at 16 clients"),
            Row("handout_single", "   by one process / the same floor"),
            Row("handout_p99", "   99 of 100 answers within", "ms"),
            Row("handout_cpu", "   processor time of the web processes", "ms"),
            Row("handout_database", "   processor time of the database", "ms"),
        ),
        measure_handout,
        floors=1,
    ),
    Figure(
        "household",
        (
            Row("household", "points of a household of 5 redeemed in process / floor, each with 1 client", mark=0.2),
            Row("household_reserve", "   reserved beforehand / the same floor"),
            Row("household_cpu", "   processor time of our process, a redemption", "ms"),
            Row("household_database", "   processor time of the database, a redemption", "ms"),
        ),
        measure_household,
        floors=1,
    ),
    Figure(
        "sqlite",
        (
            Row("sqlite", "SQLite: over HTTP, 8 clients / in process", mark=0.5),
            Row("sqlite_p50", "   half of the answers within", "ms"),
            Row("sqlite_p99", "   99 of 100 answers within", "ms"),
            Row("sqlite_cpu", "   processor time of the web processes", "ms"),
        ),
        measure_sqlite,
    ),
    issuing_figure("issue100k", 100_000),
    issuing_figure("issue1m", 1_000_000, long=True),
    Figure(
        "memory", (Row("memory", "most memory of a process that issues codes", "MB", 200),), measure_memory, long=True
    ),
    Figure(
        "importing",
        (
            Row("importing", "check a file of codes, a row / COPY of the checked rows"),
            Row("importing_made", "   make codes of them, a code / COPY of those codes"),
        ),
        measure_importing,
    ),
    Figure(
        "sweep",
        (
            Row("sweep", "sweep of 10,000 codes, smaller table / plain UPDATE"),
            Row("sweep_large", "   the same in the larger table"),
            Row("sweep_growth", "   sweep in the larger table / in the smaller one", mark=0.625),
        ),
        measure_sweep,
    ),
    Figure("reseal", (Row("reseal", "re-sealing 10,000 codes / plain UPDATE"),), measure_reseal),
    Figure("edit", (Row("edit", "editing a batch of 10,000 codes / plain UPDATE"),), measure_edit),
    *advice.FIGURES,
)
NAMES = tuple(figure.name for figure in FIGURES)
USUAL = tuple(figure.name for figure in FIGURES if not figure.long)
