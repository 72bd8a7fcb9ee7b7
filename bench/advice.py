"""The figures of redemption advice: taking reports in, judging them, and what stays flat however many there have been."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import cpu
from bench.grounds import Ground, Shelf, Slice
from bench.measured import Bench, Figure, Reading, Row
from deploy.local import programs
from deploy.local.places import ROOT
from deploy.local.processes import Process, last_lines, run_step, tethered, wait_until
from deploy.local.trouble import Trouble
from deploy.local.valkey import Broker

CLIENTS = 16
DRAINS = 2  # As many as the worker has processes.
WARM_UP = 2_000  # Advices for each of them.
DOOR, BARE = "/v3/redemptionAdvice", "/bench/bare"
WEB_SETTINGS = "bench.web_settings"
TASKS_SHARE = 20  # One Celery task each: a rate shows with a twentieth of the advices, and at least this many.
FEWEST_TASKS = 500
SECONDS_FOR_TASKS = 600
EVERY = 100_000  # Advices after which the memory of the draining process is told.
FEW_FINISHED = 10_000


def measure_accept(bench: Bench) -> dict[str, Reading]:
    """Reports over HTTP; every one of them is judged afterwards, outside the time."""
    ground, key = bench.ours.ground, till(bench)
    crowd = bench.floor.run(clients=CLIENTS, seconds=bench.seconds)
    web = bench.web(ground, WEB_SETTINGS)
    codes = bench.ours.take(bench.codes(1.5))
    heard = web.report(codes, DOOR, key, clients=CLIENTS, seconds=bench.seconds)
    bare = web.report(codes, BARE, key, clients=CLIENTS, seconds=bench.seconds)
    bench.ours.used(heard["used"])
    expect(ground, ground.do("drain_all"), heard["used"])
    return {
        "accept": Reading(heard["per_second"], crowd.per_second),
        "accept_bare": Reading(heard["per_second"], bare["per_second"]),
        "accept_p50": Reading(heard["p50_ms"]),
        "accept_p99": Reading(heard["p99_ms"]),
        "accept_cpu": Reading(heard["server_cpu_ms"]),
        "accept_bare_cpu": Reading(bare["server_cpu_ms"]),
        "accept_database": Reading(heard["database_cpu_ms"]),
    }


def measure_drain(bench: Bench) -> dict[str, Reading]:
    """The platform's own drain; the floor; one Celery task for each advice, of which fewer say as much."""
    till(bench)
    tasks = bench.calls or max(FEWEST_TASKS, bench.advices // TASKS_SHARE)
    floor_codes = bench.codes(1.5)
    shelf = advised(bench)
    shelf.fill(bench.advices + DRAINS * warm_up(bench) + floor_codes + tasks)
    lay_floor(bench, shelf)
    floor = run_floor(bench, shelf, floor_codes - 1)
    ours = drain(bench, shelf, bench.advices)
    each = run_tasks(bench, shelf, tasks)
    return {
        "drain": Reading(ours["per_second"], floor["per_second"]),
        "drain_tasks": Reading(ours["per_second"], each),
        "drain_cpu": Reading(ours["cpu_ms"]),
        "drain_database": Reading(ours["database_cpu_ms"]),
        "drain_floor_database": Reading(floor["cpu_ms"]),
        "drain_peak": Reading(max(ours["memory_mb"])),
    }


def measure_drainmemory(bench: Bench) -> dict[str, Reading]:
    """One process over very many advices: its memory, and what claiming costs among few finished ones and among all."""
    ground = bench.ours.ground
    till(bench)
    few = min(FEW_FINISHED, bench.finished // 2)
    shelf = advised(bench)
    shelf.fill(bench.finished)
    pend(ground, shelf, few)
    expect(ground, ground.do("drain_all"), few)
    before = ground.do("time_claims")
    tell_claims(bench, before, few)
    memory = []
    while shelf.left:
        part = min(EVERY, shelf.left)
        pend(ground, shelf, part)
        expect(ground, ground.do("drain_all"), part)
        memory.append(ground.do("memory"))
        bench.say(f"   {bench.finished - shelf.left:,} advices finished: {memory[-1]:.1f} MB")
    after = ground.do("time_claims")
    tell_claims(bench, after, bench.finished)
    return {
        "drainmemory": Reading(max(memory)),
        "drainmemory_growth": Reading(memory[-1] - memory[0]),
        "claims": Reading(after["ms"] / before["ms"]),
        "claims_ms": Reading(after["ms"]),
    }


def tell_claims(bench: Bench, told: dict[str, Any], finished: int) -> None:
    pages = told["pages"]
    bench.say(f"   claiming among {finished:,} finished: {told['ms']:.2f} ms, {pages:,} pages looked at")


def till(bench: Bench) -> str:
    """What a till sends as its credentials; the venue and the till are made when first asked for."""
    facts = bench.ours.ground.facts
    if "till" not in facts:
        facts["till"] = bench.ours.ground.do("prepare_till")
    return str(facts["till"])


def advised(bench: Bench) -> Shelf:
    """The codes that are reported, in a batch of their own."""
    shelves = bench.shelves
    if "advised" not in shelves:
        shelves["advised"] = Shelf(bench.ours.ground, "advised")
    return shelves["advised"]


def pend(ground: Ground, shelf: Shelf, count: int) -> Slice:
    """So many advices of fresh codes, not judged yet."""
    codes = shelf.take(count)
    ground.do("pend", codes=vars(codes), first_code=shelf.first_id + codes.start)
    shelf.used(codes.count)
    return codes


def expect(ground: Ground, judged: int, wanted: int) -> None:
    if judged != wanted:
        raise Trouble(f"{judged:,} of {wanted:,} advices were judged as redeemed; the log is {ground.log}")
    ground.redeemed += judged


def lay_floor(bench: Bench, shelf: Shelf) -> None:
    """The floor's function, made anew after the first real judgement of each batch of codes: its codes are of one batch."""
    ground = bench.ours.ground
    pend(ground, shelf, 1)
    expect(ground, ground.do("drain_all"), 1)
    ground.do("lay_advice_floor", code_id=shelf.first_id + shelf.position - 1)


def run_floor(bench: Bench, shelf: Shelf, count: int) -> dict[str, float]:
    ground, floor = bench.ours.ground, bench.floor
    codes = pend(ground, shelf, count)
    floor.server.execute(f"SELECT setval('bench_advised', {shelf.first_id + codes.start}, false)", floor.database)
    floor.server.execute("CHECKPOINT", floor.database)
    run = floor.run_advices(clients=CLIENTS, seconds=bench.seconds)
    # What the floor has left over is judged, so that it is in nobody's way.
    expect(ground, ground.do("drain_all"), count - run.calls)
    return {"per_second": run.per_second, "cpu_ms": run.cpu_ms}


def drain(bench: Bench, shelf: Shelf, count: int) -> dict[str, Any]:
    """Pending advices a second, by processes that drain beside each other, from the word until the last has ended."""
    ground, floor = bench.ours.ground, bench.floor
    log = ground.folder / "draining.log"
    with contextlib.ExitStack() as stack:
        drains = [start_drain(stack, ground, log) for _ in range(DRAINS)]
        pend(ground, shelf, DRAINS * warm_up(bench))
        warm = sum(each["claimed"] for each in at_once(drains, log))
        pend(ground, shelf, count)
        floor.server.execute("CHECKPOINT", floor.database)
        before, started = cpu.seconds_below(floor.server.pid), time.perf_counter()
        told = at_once(drains, log)
        taken, database = time.perf_counter() - started, cpu.seconds_below(floor.server.pid) - before
    claimed = sum(each["claimed"] for each in told)
    expect(ground, ground.do("count_redeemed") - ground.redeemed, claimed + warm)
    if claimed != count:
        raise Trouble(f"{claimed:,} of {count:,} advices were drained; the log ends:\n{last_lines(log, 40)}")
    return {
        "per_second": count / taken,
        "cpu_ms": sum(each["cpu"] for each in told) * 1_000 / count,
        "database_cpu_ms": database * 1_000 / count,
        "memory_mb": [each["memory_mb"] for each in told],
    }


def warm_up(bench: Bench) -> int:
    return min(WARM_UP, bench.calls) or WARM_UP


def start_drain(stack: contextlib.ExitStack, ground: Ground, log: Path) -> "subprocess.Popen[str]":
    with log.open("ab") as output:
        process = subprocess.Popen(
            tethered([sys.executable, "-m", "bench.draining"]),
            cwd=ROOT,
            env=ground.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def at_once(drains: "list[subprocess.Popen[str]]", log: Path) -> list[dict[str, Any]]:
    """Give each the word, and hear from each when there is nothing left."""
    for process in drains:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.stdout.readline() if process.stdout else "" for process in drains]
    if not all(told):
        raise Trouble(f"A draining process ended; the log ends:\n{last_lines(log, 40)}")
    return [json.loads(line) for line in told]


def run_tasks(bench: Bench, shelf: Shelf, count: int) -> float:
    """Advices a second, by one Celery task for each: a real broker and the worker as the platform starts it.

    The tasks are queued before the worker starts, which is to its favour, and the first tenth is not counted.
    """
    ground = bench.ours.ground
    folder = ground.folder / f"tasks-{shelf.refills}-{shelf.position}"
    pend(ground, shelf, count)
    broker = Broker(folder).start()
    environment = {**ground.environment, "CELERY_BROKER_URL": broker.url}
    try:
        queue = [sys.executable, "-m", "bench.one_each", str(count)]
        run_step("queueing", queue, env=environment, log=folder / "queueing.log")
        command = [
            ("bench.one_each" if word == "redemption_site" else word)
            for word in programs.worker_command(Path(sys.executable))
        ]
        worker = Process("worker", command, log=folder / "worker.log", env=environment).start()
        try:
            wait_until(lambda: not worker.is_running or not ground.do("count_pending"), SECONDS_FOR_TASKS, 0.25)
        finally:
            worker.stop()
    finally:
        broker.stop()
    expect(ground, ground.do("count_redeemed") - ground.redeemed, count)
    return float(ground.do("rate_of_last", count=count - count // 10))


FIGURES = (
    Figure(
        "accept",
        (
            Row("accept", "an advice taken in over HTTP, 16 clients / floor", mark=0.5),
            Row("accept_bare", "   the same / that server answering a bare 202"),
            Row("accept_p50", "   half of the answers within", "ms"),
            Row("accept_p99", "   99 of 100 answers within", "ms"),
            Row("accept_cpu", "   processor time of the web processes", "ms"),
            Row("accept_bare_cpu", "   … and for a bare 202", "ms"),
            Row("accept_database", "   processor time of the database", "ms"),
        ),
        measure_accept,
        floors=1,
        ours=1.5,
    ),
    Figure(
        "drain",
        (
            Row("drain", "advices drained, 2 processes / floor at 16 clients", mark=1.2),
            Row("drain_tasks", "   the same / one Celery task for each", mark=8),
            Row("drain_cpu", "   processor time of our processes", "ms"),
            Row("drain_database", "   processor time of the database", "ms"),
            Row("drain_floor_database", "   … and for the floor", "ms"),
            Row("drain_peak", "   most memory of a draining process", "MB"),
        ),
        measure_drain,
    ),
    Figure(
        "drainmemory",
        (
            Row("drainmemory", "most memory of a process that drains very many", "MB"),
            Row("drainmemory_growth", "   grown since the first 100,000", "MB"),
            Row("claims", "   claiming among all of them / among 10,000", "times", mark=1.3),
            Row("claims_ms", "   … a claim of 1,000", "ms"),
        ),
        measure_drainmemory,
        long=True,
    ),
)
