"""post(): the only function that writes transactions and transfers."""

import datetime as dt
from collections.abc import Sequence

from django.db import connection

from accounts import rows
from ledger.books import Booking

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


def post(bookings: Sequence[Booking], now: dt.datetime) -> None:
    """Write bookings that ``Books.enter`` has judged under the accounts' locks: two statements however many there are.

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
    rows.add(
        "ledger_transfer",
        TRANSFER_COLUMNS,
        [
            (b.id, leg.debit_account_id, leg.credit_account_id, leg.amount, leg.batch_number, b.booked_at or now)
            for b in bookings
            for leg in b.legs
        ],
    )
