"""Issuing against a plain COPY of the same rows, and how much memory it takes however many codes there are.

The floor is ``psql`` copying a ready text file, in one transaction, into a table with the columns, checks, indexes and foreign
keys that Django makes for codes. Ours draws, seals, stores and activates the codes as any order does. Each round's file
holds the very rows that ours has just issued, numbered in an order that has nothing to do with their digests, as whoever
drew them one after the other would have them; so both tables grow alike.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local.places import ROOT
from deploy.local.processes import last_lines
from deploy.local.trouble import Trouble

if TYPE_CHECKING:
    from bench.grounds import Ground
    from deploy.local.postgres import Postgres

COLUMNS = (
    "site_id, batch_id, order_id, terms_id, serial, lookup_odd, lookup_even, sealed, key_version, state, max_uses, uses, "
    "redemptions, valid_from, valid_until, last_redeemed_at, last_actor_id, value_expired_at, owner_id"
)
# As Django makes them where a model says nothing else.
FOREIGN_KEYS = {
    "site_id": "accounts_site", "batch_id": "codes_batch", "order_id": "codes_issueorder", "terms_id": "codes_terms",
    "owner_id": "accounts_user",
}  # fmt: skip
WITH_KEYS, WITHOUT_KEYS = "bench_code", "bench_code_bare"


def pair(server: "Postgres", ground: "Ground", database: str, count: int) -> dict[str, Any]:
    """Issue ``count`` codes, then copy the same rows into both floors: codes a second of each, and processor times a code."""
    lay(server, database)
    server.execute("CHECKPOINT", database)
    ours = ground.do("issue_timed", count=count, server_pid=server.pid)
    file = export(server, ground, database, ours["order_id"])
    try:
        floors = {table: copy(server, database, table, file) for table in (WITH_KEYS, WITHOUT_KEYS)}
    finally:
        file.unlink()
    return {**ours, **{table: count / seconds for table, seconds in floors.items()}}


def lay(server: "Postgres", database: str) -> None:
    """The two tables of the floor, empty the first time."""
    for table in (WITH_KEYS, WITHOUT_KEYS):
        server.execute(f"CREATE TABLE IF NOT EXISTS {table} (LIKE codes_code INCLUDING ALL)", database)
    if server.execute(f"SELECT 1 FROM pg_constraint WHERE conname = '{WITH_KEYS}_site_id'", database):
        return
    for column, table in FOREIGN_KEYS.items():
        server.execute(
            f"ALTER TABLE {WITH_KEYS} ADD CONSTRAINT {WITH_KEYS}_{column} "
            f"FOREIGN KEY ({column}) REFERENCES {table} (id) DEFERRABLE INITIALLY DEFERRED",
            database,
        )


def export(server: "Postgres", ground: "Ground", database: str, order_id: int) -> Path:
    """The rows of an order as a ready file of text."""
    file = ground.folder / "rows.copy"
    numbered = COLUMNS.replace("serial", "row_number() OVER (ORDER BY sealed) AS serial")
    psql(server, database, f"\\copy (SELECT {numbered} FROM codes_code WHERE order_id = {order_id}) TO '{file}'")
    return file


def copy(server: "Postgres", database: str, table: str, file: Path) -> float:
    """How many seconds it takes."""
    server.execute("CHECKPOINT", database)
    started = time.monotonic()
    psql(server, database, f"\\copy {table} ({COLUMNS}) FROM '{file}'")
    return time.monotonic() - started


def psql(server: "Postgres", database: str, command: str) -> None:
    ran = subprocess.run(
        [str(server.program("psql")), "-Xq", "-v", "ON_ERROR_STOP=1", "-d", server.url(database), "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise Trouble(f"psql failed: {ran.stderr.strip()}")


def peak_memory_mb(ground: "Ground", count: int) -> float:
    """The most memory that a process of the platform has ever had that issues ``count`` codes: ``manage.py issue_codes``."""
    log = ground.folder / "memory.log"
    command = [sys.executable, "manage.py", "issue_codes", "bench", f"memory {time.monotonic_ns()}", str(count)]
    with log.open("wb") as output:
        ran = subprocess.Popen(
            [*command, "--action", "add_tags", "--tag", "bench"],
            cwd=ROOT,
            env=ground.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, used = os.wait4(ran.pid, 0)
        ran.returncode = os.waitstatus_to_exitcode(status)
    if ran.returncode:
        raise Trouble(f"Issuing {count:,} codes failed; its log ends:\n{last_lines(log)}")
    return used.ru_maxrss / 1_024
