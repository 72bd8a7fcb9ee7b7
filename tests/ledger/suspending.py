"""Suspended bookings that tests make, by the platform's own deed."""

import datetime as dt
from typing import Any

from accounts import clock
from ledger import cash_accounts
from ledger.models import LedgerAccount, SuspendedBooking


def suspend(account: LedgerAccount, type_: str, amount: int, **fields: Any) -> SuspendedBooking:
    """A booking of ``amount`` that counts in an hour, or at ``due_at``."""
    fields = {"comment": "", "actor_id": "u-boss", "due_at": clock.read() + dt.timedelta(hours=1)} | fields
    booked = cash_accounts.perform(account, type_, amount, **fields)
    assert isinstance(booked, SuspendedBooking)
    return booked
