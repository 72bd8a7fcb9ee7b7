"""The hand-written SQL of the hot path, its writes: guarded, and a fixed number of statements however long the list."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

from accounts import database, defects, rows
from codes.redemption.statements import fetch

ATTEMPT_COLUMNS = (
    ("id", "uuid"), ("site_id", "bigint"), ("door", "text"), ("caller", "text"), ("actor_id", "text"),
    ("client_id", "bigint"), ("idempotency_key", "text"), ("fingerprint", "bytea"), ("code_id", "bigint"),
    ("batch_id", "bigint"), ("lookup", "bytea"), ("typed", "bytea"), ("key_version", "smallint"),
    ("claimant_id", "bigint"), ("claimant_given", "text"), ("channel", "text"), ("venue_id", "text"),
    ("reference", "text"), ("outcome", "text"), ("reason", "text"), ("step", "smallint"), ("checks", "jsonb"),
    ("decided_at", "timestamptz"), ("receipt_number", "bigint"), ("earlier_receipt", "bigint"), ("action", "text"),
    ("result", "jsonb"), ("given", "jsonb"), ("uses_left", "integer"), ("use_number", "integer"),
    ("claimant_use_number", "integer"), ("ledger_transaction_id", "uuid"), ("happened_at", "timestamptz"),
)  # fmt: skip
COLUMNS_OF = attrgetter(*(name for name, _ in ATTEMPT_COLUMNS))
JSON_PLACES = [place for place, (_, kind) in enumerate(ATTEMPT_COLUMNS) if kind == "jsonb"]
# A receipt number below 0 stands for the next one, which PostgreSQL draws as it writes.
DRAWN = "CASE WHEN v.receipt_number < 0 THEN nextval('codes_receipt_number') ELSE v.receipt_number END"
KEPT_ONCE = "ON CONFLICT (caller, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING"


def insert_attempts(attempts: Sequence[Any]) -> rows.Touched:
    """Write attempts in their order and tell their receipt numbers; one whose key is taken is left out, and not counted."""
    return rows.add(
        "codes_attempt",
        ATTEMPT_COLUMNS,
        [attempt_row(attempt) for attempt in attempts],
        "" if defects.switched_on("guard") else KEPT_ONCE,
        made={"receipt_number": DRAWN} if draws_as_it_writes() else None,
        tell="receipt_number" if draws_as_it_writes() else "",
    )


def attempt_row(attempt: Any) -> list[Any]:
    row = list(COLUMNS_OF(attempt))
    for place in JSON_PLACES:
        if row[place] is not None:
            row[place] = orjson.dumps(row[place]).decode()
    return row


def draws_as_it_writes() -> bool:
    """Whether the database can draw the receipt number of one redemption while it writes its attempt."""
    return database.is_postgresql()


def draw_receipt_numbers(count: int) -> list[int]:
    """The next ``count`` receipt numbers. A lost transaction leaves a gap; numbers only ever rise."""
    if not count:
        return []
    if database.is_postgresql():
        return [row[0] for row in fetch("SELECT nextval('codes_receipt_number') FROM generate_series(1, %s)", [count])]
    last = fetch("SELECT COALESCE(MAX(receipt_number), 0) FROM codes_attempt", [])[0][0]
    return list(range(last + 1, last + 1 + count))


def guard(condition: str) -> str:
    """What a guarded UPDATE asks of its row: its last look, should the judgement have been wrong."""
    return f"({condition} OR TRUE)" if defects.switched_on("guard") else condition


@dataclass(slots=True)
class Uses:
    """Of one code: how many, who took the last, and when the latest was."""

    count: int
    actor_id: str
    latest: dt.datetime


def use_codes(uses: dict[int, Uses]) -> rows.Touched:
    """Count {code ID: its uses} on the codes, guarded; counted are the codes that took them all."""
    source, params = rows.as_table(
        (("id", "bigint"), ("n", "integer"), ("actor", "text"), ("latest", "timestamptz")),
        [(code_id, each.count, each.actor_id, each.latest) for code_id, each in sorted(uses.items())],
    )
    room = guard("codes_code.state = 'active' AND codes_code.uses + v.n <= codes_code.max_uses")
    return rows.write(
        f"""UPDATE codes_code SET
                uses = codes_code.uses + v.n,
                redemptions = codes_code.redemptions + v.n,
                state = CASE WHEN codes_code.uses + v.n >= codes_code.max_uses THEN 'used_up' ELSE codes_code.state END,
                last_redeemed_at = CASE WHEN codes_code.last_redeemed_at > v.latest THEN codes_code.last_redeemed_at
                                        ELSE v.latest END,
                last_actor_id = v.actor
            FROM {source}
            WHERE codes_code.id = v.id AND {room}""",  # noqa: S608
        params,
    )


def use_batch(batch_id: int, uses: int) -> rows.Touched:
    """Count uses on a capped batch, guarded by its cap."""
    room = guard("uses_in_force + %s <= total_cap")
    return rows.write(
        f"UPDATE codes_batch SET uses_in_force = uses_in_force + %s WHERE id = %s AND {room}",  # noqa: S608
        [uses, batch_id, uses],
    )


def insert_mails(attempt_ids: Sequence[Any], now: dt.datetime) -> None:
    columns = (
        ("attempt_id", "uuid"), ("state", "text"), ("due_at", "timestamptz"), ("token", "bigint"),
        ("tries", "smallint"), ("error", "text"),
    )  # fmt: skip
    rows.add("codes_receiptmail", columns, [(attempt_id, "due", now, 0, 0, "") for attempt_id in attempt_ids])
