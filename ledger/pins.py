"""The rows of what holds pin of lots, and the way back of points that a spending took from lots."""

import datetime as dt
from bisect import insort
from collections.abc import Mapping, Sequence
from uuid import UUID

from accounts import rows
from ledger.books import Books, Leg
from ledger.lots import USABLE_AGAIN, LotStanding, Pins
from ledger.models import LotHold, LotMovement, Transfer

PIN_COLUMNS = (("hold_id", "bigint"), ("lot_id", "bigint"), ("amount", "bigint"))


def write_pins(pins: Mapping[int, Pins]) -> None:
    """Write what ``Books.hold`` has answered, by the hold's ID: after the holds, in one statement, and in none without lots."""
    pinned = [(hold_id, lot_id, amount) for hold_id, of_hold in pins.items() for lot_id, amount in of_hold]
    if pinned:
        rows.add("ledger_lothold", PIN_COLUMNS, pinned)


def read_pins(hold_ids: Sequence[int]) -> dict[int, Pins]:
    """Hold ID → what it pins, in the order in which it is used, of open holds on locked accounts. One statement."""
    pins: dict[int, Pins] = {}
    found = LotHold.objects.filter(hold__in=hold_ids, amount__gt=0).order_by("lot__expires_at", "lot_id")
    for hold_id, lot_id, amount in found.values_list("hold_id", "lot_id", "amount"):
        pins[hold_id] = (*pins.get(hold_id, ()), (lot_id, amount))
    return pins


def write_unpinned(freed: Mapping[int, Pins]) -> None:
    """Unpin so much of open holds, by the hold's ID: before they shrink. A hold that ends as a whole keeps its pins as a record."""
    unpinned = [(hold_id, lot_id, amount) for hold_id, of_hold in freed.items() for lot_id, amount in of_hold]
    if unpinned:
        source, params = rows.as_table(PIN_COLUMNS, unpinned)
        rows.write(
            f"""UPDATE ledger_lothold SET amount = ledger_lothold.amount - v.amount FROM {source}
                WHERE ledger_lothold.hold_id = v.hold_id AND ledger_lothold.lot_id = v.lot_id""",  # noqa: S608
            params,
        )


def legs_back(books: Books, transaction_id: UUID, now: dt.datetime) -> tuple[Leg, ...]:
    """The legs of a void: everything that a transaction took from customers goes back, and to the lots from which it came.

    Those lots may be used for 30 days more at least, whatever has expired meanwhile. The accounts are locked and settled. Two
    statements.
    """
    returns: dict[int, Pins] = {}
    used = LotMovement.objects.filter(transaction=transaction_id, amount__lt=0).select_related("lot")
    for movement in used.order_by("lot__expires_at", "lot_id"):
        lot = movement.lot
        standing = books.standings[lot.account_id]
        standing.lots = standing.known_lots
        known = next((each for each in standing.lots if each.id == lot.pk), None)
        known = known or LotStanding(lot.pk, lot.expires_at, lot.remaining, lot.held)
        standing.lots = [each for each in standing.lots if each.id != lot.pk]
        known.expires_at = max(known.expires_at, now + USABLE_AGAIN)
        insort(standing.lots, known, key=lambda each: (each.expires_at, each.id))
        returns[lot.account_id] = (*returns.get(lot.account_id, ()), (lot.pk, -movement.amount))
    taken = Transfer.objects.filter(transaction=transaction_id).order_by("id")
    return tuple(
        Leg(
            each.credit_account_id,
            each.debit_account_id,
            each.amount,
            each.batch_number,
            returns=returns.get(each.debit_account_id, ()),
        )
        for each in taken
    )
