"""The expiry sweep: moves the value of expired codes to the site's expired account.

It only tidies the books. Whether a code is expired is judged at every redemption; a sweep that never runs changes no decision,
and one that runs twice, together with another, or dies anywhere, has the same result.
"""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts import budgets, clock, locking, prepared, rows
from codes import batch_value
from codes.batch_value import BatchMove
from codes.models import Code, IssueOrder
from ledger.models import Asset, LedgerTransaction

CHUNK = 5_000
SWEEP = "codes.sweep_expired"


@dataclass(slots=True)
class Place:
    """How far a run has come in the index of what is due: by the instant of expiry, then by order.

    Only to step over the codes of an order that is not done, a million of which may be due and must wait: the codes of
    an order that end at one instant lie together there.
    """

    valid_until: dt.datetime | None = None
    order_id: int = 0


def sweep_expired(chunks: int | None = None, *, seconds: float | None = None) -> int:
    """Book away the value of expired codes, in chunks of 5,000 until none is due, ``chunks`` are done or ``seconds`` are over.

    Answers how many codes.
    """
    started, swept, place = time.monotonic(), 0, Place()
    while (chunks is None or chunks > 0) and (seconds is None or time.monotonic() - started < seconds):
        count = sweep_chunk(place)
        if count is None:
            break
        swept += count
        chunks = None if chunks is None or not count else chunks - 1
    return swept


def sweep_chunk(place: Place | None = None) -> int | None:
    """One chunk in one transaction; answers how many codes were swept, and None where the run is at its end.

    The partial index holds just the codes not swept, so the cost follows the codes due.
    """
    place = place or Place()
    with transaction.atomic(durable=True):
        if not locking.is_alone(SWEEP):
            return None
        now = clock.read()
        found = read_due(place, now)
        ready = [code_id for code_id, _, _, state in found if state == IssueOrder.State.DONE]
        # Whoever holds one of them redeems or changes it just now: the next sweep sees to it.
        codes = lock_due(ready, now) if ready else []
        if codes:
            book(codes, now)
            mark([code[0] for code in codes], now)
        stepped = step_over(place, found)
    return len(codes) if codes or stepped else None


def step_over(place: Place, found: list[tuple[Any, ...]]) -> bool:
    """Go on behind the last codes of the page whose order is not done; whether there are any."""
    waiting = [(valid_until, order_id) for _, valid_until, order_id, state in found if state != IssueOrder.State.DONE]
    if waiting:
        place.valid_until, place.order_id = waiting[-1]
    return bool(waiting)


def read_due(place: Place, now: dt.datetime) -> list[tuple[Any, ...]]:
    """The next codes that are due in the order of the index: (ID, end, order ID, the order's state)."""
    behind, params = "", []
    if place.valid_until is not None:
        behind = "AND (c.valid_until, c.order_id) > (%s, %s)"
        params = [budgets.stored(place.valid_until), place.order_id]
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""SELECT c.id, c.valid_until, c.order_id, o.state
                FROM (
                    SELECT c.id, c.valid_until, c.order_id FROM codes_code c
                    WHERE c.valid_until IS NOT NULL AND c.value_expired_at IS NULL AND c.valid_until <= %s {behind}
                    ORDER BY c.valid_until, c.order_id LIMIT {CHUNK}
                ) c JOIN codes_issueorder o ON o.id = c.order_id
                ORDER BY c.valid_until, c.order_id""",  # noqa: S608
            [budgets.stored(now), *params],
        )
        found = cursor.fetchall()
    return [(code_id, budgets.aware(end), order_id, state) for code_id, end, order_id, state in found]


def lock_due(ids: list[int], now: dt.datetime) -> list[tuple[Any, ...]]:
    """Those that are due still and nobody holds, locked: (ID, site ID, batch ID, asset ID, state, value of the uses left)."""
    wanted, params = rows.one_of("c.id", "bigint", ids)
    return locking.select_for_update(
        f"""SELECT c.id, c.site_id, c.batch_id, t.asset_id, c.state, t.value * (c.max_uses - c.uses)
            FROM codes_code c JOIN codes_terms t ON t.id = c.terms_id
            WHERE {wanted} AND c.valid_until <= %s AND c.value_expired_at IS NULL ORDER BY c.id {{lock c}}""",  # noqa: S608
        [*params, budgets.stored(now)],
        skip_locked=True,
    )


def mark(ids: list[int], now: dt.datetime) -> None:
    wanted, params = rows.one_of("id", "bigint", ids)
    rows.write(f"UPDATE codes_code SET value_expired_at = %s WHERE {wanted}", [budgets.stored(now), *params])  # noqa: S608


def book(codes: list[tuple[Any, ...]], now: dt.datetime) -> None:
    """A ledger transaction for each batch and asset among the codes, all in two statements."""
    worth: dict[tuple[int, int, int], int] = {}
    for _, site_id, batch_id, asset_id, state, left in codes:
        if asset_id is not None and state != Code.State.DELETED:
            worth[site_id, batch_id, asset_id] = worth.get((site_id, batch_id, asset_id), 0) + left
    assets = Asset.objects.in_bulk({asset_id for _, _, asset_id in worth})
    batch_value.move_all(
        [
            BatchMove(
                type=LedgerTransaction.Type.EXPIRY,
                source="outstanding",
                target="expired",
                site_id=site_id,
                batch_id=batch_id,
                asset=assets[asset_id],
                amount=amount,
                comment=f"Codes of batch {batch_id} expired",
            )
            for (site_id, batch_id, asset_id), amount in sorted(worth.items())
        ],
        now,
    )
