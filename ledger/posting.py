"""post(): the only function that writes transactions and transfers."""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from accounts import rows
from ledger.books import Booking
from ledger.lots import USABLE_AGAIN

TRANSACTION_COLUMNS = (
    ("id", "uuid"),
    ("site_id", "bigint"),
    ("type", "text"),
    ("comment", "text"),
    ("reference", "text"),
    ("reverses_id", "uuid"),
    ("booked_at", "timestamptz"),
)
TRANSFER_COLUMNS = (
    ("transaction_id", "uuid"),
    ("debit_account_id", "bigint"),
    ("credit_account_id", "bigint"),
    ("amount", "bigint"),
    ("batch_number", "bigint"),
    ("booked_at", "timestamptz"),
)
MOVEMENT_COLUMNS = (
    ("lot_id", "bigint"),
    ("transaction_id", "uuid"),
    ("amount", "bigint"),
    ("usable_until", "timestamptz"),
)
LOT_COLUMNS = (("transaction_id", "uuid"), ("account_id", "bigint"), ("expires_at", "timestamptz"))


def post(bookings: Sequence[Booking], now: dt.datetime) -> None:
    """Write bookings that ``Books.enter`` has judged under the accounts' locks: two statements however many there are;
    one more each where points of lots are used, come back, or are granted.

    They count from ``now`` on, or from an instant of their own, before which nobody has booked on their accounts since.

    Triggers move the stored balances and refuse whatever the judgement should have refused; then IntegrityError is
    raised (a reversal of what is reversed already among it) and the transaction is lost.
    """
    assert connection.in_atomic_block, "A booking is part of a deed's transaction: open one first."
    rows.add(
        "ledger_ledgertransaction",
        TRANSACTION_COLUMNS,
        [
            (b.id, b.site_id, b.type, b.comment[:200], b.reference[:100], b.reverses_id, b.booked_at or now)
            for b in bookings
        ],
    )
    legs = [(booking, leg) for booking in bookings for leg in booking.legs]
    # What leaves lots is written before what leaves balances, and the other way round: lots never exceed the balance.
    write_movements([(lot, b.id, -part, None) for b, leg in legs for lot, part in leg.uses or ()])
    rows.add(
        "ledger_transfer",
        TRANSFER_COLUMNS,
        [
            (b.id, leg.debit_account_id, leg.credit_account_id, leg.amount, leg.batch_number, b.booked_at or now)
            for b, leg in legs
        ],
    )
    write_movements(
        [
            (lot, b.id, part, (b.booked_at or now) + USABLE_AGAIN)
            for b, leg in legs
            if leg.returns
            for lot, part in leg.returns
        ]
    )
    write_lots([(b.id, leg.credit_account_id, leg.expires_at) for b, leg in legs if leg.expires_at])


def write_movements(moved: Sequence[tuple[int, UUID, int, dt.datetime | None]]) -> None:
    """What happens to lots; triggers change them."""
    if moved:
        rows.add("ledger_lotmovement", MOVEMENT_COLUMNS, moved)


def write_lots(granted: Sequence[tuple[UUID, int, dt.datetime]]) -> None:
    """Make a lot of each credit, found again by its transaction and account."""
    if not granted:
        return
    source, params = rows.as_table(LOT_COLUMNS, granted)
    rows.write(
        f"""INSERT INTO ledger_lot (site_id, account_id, transfer_id, amount, remaining, held, granted_at, expires_at)
            SELECT x.site_id, t.credit_account_id, t.id, t.amount, t.amount, 0, t.booked_at, v.expires_at
            FROM {source} JOIN ledger_ledgertransaction x ON x.id = v.transaction_id
            JOIN ledger_transfer t ON t.transaction_id = v.transaction_id AND t.credit_account_id = v.account_id
            ORDER BY t.id""",  # noqa: S608
        params,
    )
