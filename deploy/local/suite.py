"""``python3 run.py test``: all that CI runs, in one order, to the end, with every failure reported."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import chromium, environment
from deploy.local.checks import Step, list_checks
from deploy.local.environment import PYTHON
from deploy.local.places import temporary_folder
from deploy.local.postgres import Postgres
from deploy.local.processes import run_in_terminal
from deploy.local.trouble import Trouble
from deploy.local.valkey import Broker

# What the person's shell says of databases and modes must not change what is tested.
OURS = (
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "MODE",
    "VAR_DIR",
    "DJANGO_SETTINGS_MODULE",
    "TEST_DEFECTS",
    "TEST_CLOCK_OFFSET",
)


@dataclass
class Result:
    """How one step went."""

    name: str
    passed: bool
    seconds: float


def run_all() -> int:
    """Run every check and the whole suite on both databases; 0 only if nothing failed."""
    environment.ensure(with_tests=True)
    browser = chromium.ensure()
    results = []
    with temporary_folder("redemption-test") as folder:
        (folder / "checks").mkdir()
        results += [_run(step) for step in list_checks(folder / "checks")]
        try:
            with _sqlite(folder) as servers:
                results.append(_run(_pytest("tests on SQLite", [*EVERYWHERE, *PARALLEL], servers)))
            with _servers(folder) as servers:
                results += [_run(leg) for leg in _legs_on_postgres(servers, browser)]
        except Trouble as trouble:
            # Never skipped: without the real servers nothing is known about what counts most.
            print(trouble, file=sys.stderr, flush=True)
            results.append(Result("a server did not start", passed=False, seconds=0))
    _print_summary(results)
    if browser is None:
        print("The browser tests did not run: no Chromium was found.", flush=True)
    return 0 if all(result.passed for result in results) else 1


def run_some(arguments: Sequence[str]) -> int:
    """Hand the arguments to pytest on PostgreSQL with Valkey; REDEMPTION_TEST_DATABASE=sqlite takes SQLite instead."""
    environment.ensure(with_tests=True)
    wanted = os.environ.get("REDEMPTION_TEST_DATABASE", "postgresql")
    if wanted not in ("postgresql", "sqlite"):
        raise Trouble(f"REDEMPTION_TEST_DATABASE is {wanted!r}; it must be 'postgresql' or 'sqlite'.")
    browser = chromium.find()
    start = _servers if wanted == "postgresql" else _sqlite
    with temporary_folder("redemption-test") as folder, start(folder) as servers:
        return _run_quietly(_pytest("tests", list(arguments), _with_browser(servers, browser)))


# SQLite has no row locks to race for, and a browser looks the same over any database.
EVERYWHERE = ["-m", "not races and not browser"]
# Each worker begins with half of the folders and takes from the other at the end: a few tests take as long as a whole folder.
PARALLEL = ["-n", "2", "--dist", "worksteal"]
# Whether a few rows have been analysed by now must not decide how a test's statements are planned.
UNCOUNTED = {"autovacuum_analyze_threshold": "10000"}


def _legs_on_postgres(servers: dict[str, str], browser: Path | None) -> list[Step]:
    # Races wait for locks and a browser by the clock: two of them at a time leave neither core idle, and crowd neither.
    waiting = "races or browser" if browser else "races"
    return [
        _pytest("tests on PostgreSQL", [*EVERYWHERE, *PARALLEL], servers),
        _pytest(f"{waiting} on PostgreSQL", ["-m", waiting, *PARALLEL], _with_browser(servers, browser)),
    ]


def _pytest(name: str, arguments: list[str], variables: dict[str, str]) -> Step:
    return Step(name, [str(PYTHON), "-m", "pytest", *arguments], variables)


def _on(database: str, url: str, folder: Path, broker: Broker) -> dict[str, str]:
    return {
        "EXPECT_DATABASE": database,
        "DATABASE_URL": url,
        "CELERY_BROKER_URL": broker.url,
        "VAR_DIR": str(folder),
    }


def _with_browser(variables: dict[str, str], browser: Path | None) -> dict[str, str]:
    return {**variables, "CHROMIUM": str(browser)} if browser else variables


@contextmanager
def _broker(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder / "broker")
    try:
        yield broker.start()
    finally:
        broker.stop()


@contextmanager
def _sqlite(folder: Path) -> Iterator[dict[str, str]]:
    """A file for SQLite and a real broker, and the variables that lead to them."""
    with _broker(folder) as broker:
        yield _on("sqlite", f"sqlite:///{folder}/redemption.sqlite3", folder, broker)


@contextmanager
def _servers(folder: Path) -> Iterator[dict[str, str]]:
    """A real PostgreSQL and a real broker, and the variables that lead to them."""
    with Postgres(durable=False, settings=UNCOUNTED) as server, _broker(folder) as broker:
        server.execute("CREATE DATABASE redemption")
        yield _on("postgresql", server.url("redemption"), folder, broker)


def _run_quietly(step: Step) -> int:
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    return run_in_terminal(step.argv, env={**inherited, "PYTHONUNBUFFERED": "1", **step.env})


def _run(step: Step) -> Result:
    print(f"\n── {step.name} ──", flush=True)
    started_at = time.monotonic()
    code = _run_quietly(step)
    passed = code == 0
    seconds = time.monotonic() - started_at
    print(f"── {step.name}: {'passed' if passed else 'FAILED'} in {seconds:.0f} s", flush=True)
    return Result(step.name, passed, seconds)


def _print_summary(results: list[Result]) -> None:
    failed = sum(not result.passed for result in results)
    whole = Result(
        f"{failed} of {len(results)} failed" if failed else "all", not failed, sum(r.seconds for r in results)
    )
    width = max(len(result.name) for result in results)
    print("\nSummary")
    for result in [*results, whole]:
        print(f"  {result.name:<{width}}  {'passed' if result.passed else 'FAILED'}  {result.seconds:6.0f} s")
    sys.stdout.flush()
