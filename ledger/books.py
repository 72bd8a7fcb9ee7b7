"""The locked accounts of one deed and the bookings it wants to make: judged here, in memory; written by ``post()``.

A deed locks the accounts, enters its bookings one after another (each sees what the earlier ones moved), and posts them
all.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts import locking
from accounts.rows import one_of
from ledger.models import LedgerAccount
from ledger.refusals import AccountLocked, AccountMissing, CurrencyMismatch, InsufficientBalance

COLUMNS = "a.id, a.site_id, a.asset_id, a.owner_id, a.kind, a.state, a.floor, a.balance, a.held, a.due_at"


@dataclass(slots=True)
class Standing:
    """What is known of one account under its lock; ``balance`` (minor units) is None for a system account.

    ``due_at`` is as the database answers it: SQLite does with text. ``settling`` reads it.
    """

    id: int
    site_id: int
    asset_id: int
    owner_id: int | None
    kind: str
    state: str
    floor: int
    balance: int | None
    held: int
    due_at: dt.datetime | str | None = None

    def refuse_debit(self, amount: int, was_held: bool = False) -> None:
        if self.state != LedgerAccount.State.OPEN and not was_held:
            raise AccountLocked
        if self.balance is not None and self.balance - amount - self.held < self.floor:
            raise InsufficientBalance

    def refuse_hold(self, amount: int) -> None:
        """What may be taken may be held, of a customer's account only."""
        if self.balance is None:
            raise AccountMissing
        self.refuse_debit(amount)

    def refuse_credit(self, amount: int) -> None:
        if self.state == LedgerAccount.State.CLOSED:
            raise AccountLocked
        if self.balance is not None and self.balance + amount < self.floor:
            # A floor raised later may lie above: then not even a credit may leave the balance below it.
            raise InsufficientBalance


# What a hold pins of its account, beyond an amount.
Pin = Any


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer to be: ``amount`` in minor units, ``batch_number`` whose issued value it is.

    What ``was_held`` is taken whatever state the account was put in since: the account was asked when it was held.
    """

    debit_account_id: int
    credit_account_id: int
    amount: int
    batch_number: int | None = None
    was_held: bool = False

    def reversed(self) -> "Leg":
        return Leg(self.credit_account_id, self.debit_account_id, self.amount, self.batch_number)


@dataclass(frozen=True, slots=True)
class Booking:
    """One ledger transaction to be, with its legs; it counts from ``booked_at`` on, else from when it is posted."""

    id: UUID
    site_id: int
    type: str
    legs: tuple[Leg, ...]
    comment: str = ""
    reference: str = ""
    reverses_id: UUID | None = None
    booked_at: dt.datetime | None = None


@dataclass(slots=True)
class Books:
    """Accounts by ID as they stand under their locks, and the bookings entered so far."""

    standings: dict[int, Standing] = field(default_factory=dict)
    entered: list[Booking] = field(default_factory=list)

    def enter(self, booking: Booking) -> None:
        """Enter one booking, wholly or not at all.

        Raises AccountMissing, AccountLocked, CurrencyMismatch or InsufficientBalance; nothing has changed then.
        """
        assert booking.legs, "A transaction moves something."
        done: list[Leg] = []
        try:
            for leg in booking.legs:
                self.judge(leg)
                self.move(leg)
                done.append(leg)
        except Exception:
            for leg in reversed(done):
                self.move(leg.reversed())
            raise
        self.entered.append(booking)

    def hold(self, account_id: int, amount: int) -> tuple[Pin, ...]:
        """Set ``amount`` minor units of a customer's account aside, and answer what of it the hold pins.

        Raises AccountMissing, AccountLocked (it may only be credited, or is closed) or InsufficientBalance; nothing has changed
        then.
        """
        standing = self.standings.get(account_id)
        if standing is None:
            raise AccountMissing
        standing.refuse_hold(amount)
        standing.held += amount
        return ()

    def unhold(self, account_id: int, amount: int, pins: tuple[Pin, ...] = ()) -> None:
        """Give ``amount`` minor units that were held back to what is available, and what of it was pinned."""
        standing = self.standings[account_id]
        assert 0 < amount <= standing.held, "No more is given back than was held."
        standing.held -= amount

    def judge(self, leg: Leg) -> None:
        debit, credit = self.standings.get(leg.debit_account_id), self.standings.get(leg.credit_account_id)
        if debit is None or credit is None:
            raise AccountMissing
        if debit.asset_id != credit.asset_id or debit.site_id != credit.site_id:
            raise CurrencyMismatch
        credit.refuse_credit(leg.amount)
        debit.refuse_debit(leg.amount, leg.was_held)

    def move(self, leg: Leg) -> None:
        debit, credit = self.standings[leg.debit_account_id], self.standings[leg.credit_account_id]
        if debit.balance is not None:
            debit.balance -= leg.amount
        if credit.balance is not None:
            credit.balance += leg.amount


def lock_books(account_ids: Iterable[int], *, skip_locked: bool = False) -> Books:
    """Lock these accounts in ID order and read them, in one statement; ``skip_locked`` leaves out those that others hold.

    System accounts are read without a lock: they have no balance to guard, and every redemption of a batch shares one.
    """
    ids = sorted(set(account_ids))
    if not ids:
        return Books()
    wanted, params = one_of("a.id", "bigint", ids)
    rows = locking.select_for_update(
        f"""SELECT * FROM (
                SELECT {COLUMNS} FROM ledger_ledgeraccount a
                WHERE {wanted} AND a.owner_id IS NOT NULL ORDER BY a.id {{lock a}}
            ) customers
            UNION ALL
            SELECT {COLUMNS} FROM ledger_ledgeraccount a WHERE {wanted} AND a.owner_id IS NULL""",  # noqa: S608
        [*params, *params],
        skip_locked=skip_locked,
    )
    return Books({row[0]: Standing(*row) for row in rows})
