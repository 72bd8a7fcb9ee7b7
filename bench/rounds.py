"""Setting the grounds up and measuring in rounds: in each, every figure right after its own floor."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import access, finding
from bench.figures import CLIENTS, FIGURES
from bench.grounds import Ground, Shelf
from bench.measured import Bench, Figure, Reading
from bench.pgbench import Floor
from bench.web import SETTINGS, Web
from deploy.local.places import temporary_bases
from deploy.local.postgres import Postgres

DATABASE = "redemption"
PREPARED = "prepared"  # As it was before anything was measured: migrating takes longer than a copy.
# A checkpoint is the server's work for many runs before it: none may fall into one run and not into the one it is paired with.
SERVER_SETTINGS = {"max_wal_size": "8GB", "checkpoint_timeout": "60min", "shared_buffers": "512MB"}
FIRST_CODES = 5_000
SQLITE_A_SECOND = 1_500  # More than one writer at a time has ever redeemed here; a run that uses them up ends early.


@dataclass
class Results:
    """What was measured, by row and round, and what was found wrong afterwards."""

    readings: dict[str, list[Reading]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    redemptions: int = 0
    server: str = ""

    def note(self, measured: dict[str, Reading]) -> None:
        for key, reading in measured.items():
            self.readings.setdefault(key, []).append(reading)


def measure(
    names: Sequence[str],
    rounds: int,
    seconds: int,
    say: Callable[[str], None],
    *,
    rows: tuple[int, int],
    memory_codes: int = 0,
    advices: int = 0,
    finished: int = 0,
    households: int = 0,
    calls: int = 0,
) -> Results:
    """Measure the named figures; raises Trouble where one could not be."""
    figures = [figure for figure in FIGURES if figure.name in names]
    with ExitStack() as stack:
        base = temporary_bases(on_disk=True)[0]  # SQLite's file too: in memory it would promise nothing.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="redemption-bench-", dir=base)))
        grounds: list[Ground] = []
        results = Results()
        say("Starting PostgreSQL, migrating, making claimants and codes …")
        bench = set_up(stack, folder, grounds, seconds, rows, calls)
        bench.memory_codes, bench.advices, bench.finished, bench.say = memory_codes, advices, finished, say
        bench.households = households
        results.server = bench.floor.server.execute("SHOW server_version")
        for number in range(1, rounds + 1):
            stock(bench, figures)
            for figure in figures:
                measured = figure.measure(bench)
                results.note(measured)
                first = figure.rows[0]
                say(f"round {number}: {first.words}: {measured[first.key].value:.2f}")
        say("Checking what must be true afterwards …")
        for ground in grounds:
            found = ground.do("count", redeemed=ground.redeemed)
            results.violations += [f"{ground.name}: {violation}" for violation in found]
            results.redemptions += ground.redeemed
    return results


def set_up(
    stack: ExitStack, folder: Path, grounds: list[Ground], seconds: int, rows: tuple[int, int], calls: int
) -> Bench:
    """The server, its data and the floor; SQLite and the web servers are started when a figure first asks for them."""
    server = stack.enter_context(Postgres(durable=True, settings=SERVER_SETTINGS))
    server.execute(f"CREATE DATABASE {DATABASE}")
    ground = stack.enter_context(Ground("postgresql", server.url(DATABASE), folder, server.pid))
    grounds.append(ground)
    ground.do("disconnect")
    server.execute(f"CREATE DATABASE {PREPARED} TEMPLATE {DATABASE}")
    floor = Floor(server, ground, Shelf(ground, "floor"), DATABASE, calls)
    lay_floor(floor)
    webs: dict[str, Web] = {}
    shelves: dict[str, Shelf] = {}

    def web(over: Ground, settings: str = SETTINGS) -> Web:
        name = f"{over.name} {settings}"
        if name not in webs:
            webs[name] = stack.enter_context(Web(over, settings))
        return webs[name]

    def sqlite() -> Shelf:
        if not shelves:
            other = stack.enter_context(Ground("sqlite", f"sqlite:///{folder}/bench.sqlite3", folder))
            grounds.append(other)
            shelves["sqlite"] = Shelf(other, "ours")
        shelves["sqlite"].fill(2 * SQLITE_A_SECOND * seconds + 1_000)
        return shelves["sqlite"]

    tables: dict[int, Ground] = {}

    def table(size: int) -> Ground:
        """A database of its own with so many codes, filled when a figure first asks for it."""
        if size not in tables:
            name = f"rows_{size}"
            server.execute(f"CREATE DATABASE {name} TEMPLATE {PREPARED}")
            tables[size] = stack.enter_context(
                Ground(name, server.url(name), folder, server.pid, prepared=ground.facts)
            )
            grounds.append(tables[size])
            tables[size].do("fill", rows=size)
        return tables[size]

    return Bench(
        seconds,
        floor,
        Shelf(ground, "ours"),
        Shelf(ground, "given"),
        lay_hot_floor(floor, ground),
        web,
        sqlite,
        table,
        rows,
        calls=calls,
    )


def lay_floor(floor: Floor) -> None:
    """Make the function after a first real redemption, and see how fast it is."""
    shelf, ground = floor.shelf, floor.ground
    shelf.fill(FIRST_CODES)
    code = Path(shelf.path).read_text().split("\n", 1)[0]
    ground.redeemed += ground.do("lay_floor", name="bench_redeem", code=code, **first_ids(ground))["used"]
    shelf.used(1)
    floor.server.execute(f"SELECT setval('bench_fresh_code', {shelf.first_id + 1}, false)", DATABASE)
    floor.warm_up(clients=CLIENTS)


def lay_hot_floor(floor: Floor, ground: Ground) -> dict[str, Any]:
    """Two hot codes alike, for ours and for the floor: both rows gather the same number of dead versions, each its own."""
    hot = {}
    for name in ("hot", "hot-floor"):
        hot[name] = str(ground.folder / f"{name}.txt")
        ground.do("issue_hot", name=name, path=hot[name])
    code = Path(hot["hot-floor"]).read_text()
    laid = ground.do("lay_floor", name="bench_redeem_hot", code=code, **first_ids(ground))
    ground.redeemed += laid["used"]
    return {"path": hot["hot"], "code_id": laid["code_id"]}


def first_ids(ground: Ground) -> dict[str, int]:
    return {"first_user": ground.facts["first_user"], "first_account": ground.facts["first_account"]}


def stock(bench: Bench, figures: Sequence[Figure]) -> None:
    """Codes for one round, issued before it: nothing is issued within a pair."""
    bench.floor.fill(sum(bench.codes(figure.floors) for figure in figures))
    bench.ours.fill(sum(bench.codes(figure.ours) for figure in figures))


def measure_finding(codes: int, say: Callable[[str], None]) -> finding.Found:
    """The lists over a crowd, in a database of their own; raises Trouble where one could not be measured."""
    with own_ground("crowded") as ground:
        return finding.measure(ground, codes, say)


def measure_access(say: Callable[[str], None]) -> access.Measured:
    """Who may open what, in a database of its own; raises Trouble where it could not be measured."""
    with own_ground("access") as ground:
        return access.measure(ground, say)


@contextmanager
def own_ground(name: str) -> Iterator[Ground]:
    """A server, a database and a process for one figure that is measured alone."""
    base = temporary_bases(on_disk=True)[0]
    with (
        tempfile.TemporaryDirectory(prefix="redemption-bench-", dir=base) as folder,
        Postgres(durable=True, settings=SERVER_SETTINGS) as server,
    ):
        server.execute(f"CREATE DATABASE {DATABASE}")
        with Ground(name, server.url(DATABASE), Path(folder), server.pid) as ground:
            yield ground
