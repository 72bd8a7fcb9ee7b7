"""The locked accounts of one deed and the bookings it wants to make: judged here, in memory; written by ``post()``.

A deed locks the accounts, enters its bookings one after another (each sees what the earlier ones moved), and posts them
all.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

import uuid_utils.compat as uuid

from accounts import locking
from accounts.rows import one_of
from ledger.lots import LotStanding, Pins, take
from ledger.models import LedgerAccount, LedgerTransaction
from ledger.refusals import AccountLocked, AccountMissing, CurrencyMismatch, InsufficientBalance

COLUMNS = "a.id, a.site_id, a.asset_id, a.owner_id, a.kind, a.state, a.floor, a.balance, a.held, a.due_at"


@dataclass(slots=True)
class Standing:
    """What is known of one account under its lock; ``balance`` (minor units) is None for a system account.

    ``due_at`` is as the database answers it: SQLite does with text. ``settling`` reads it, and the lots of an account that has
    one: those that have something left, in the order of their dates; and the system account to which they expire.
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
    lots: list[LotStanding] | None = None
    expired_id: int | None = None

    @property
    def known_lots(self) -> list[LotStanding]:
        assert self.lots is not None or self.due_at is None or self.kind != "points", "Settle an account first."
        return self.lots or []

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


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer to be: ``amount`` in minor units, ``batch_number`` whose issued value it is.

    What ``was_held`` is taken whatever state the account was put in since: the account was asked when it was held.
    ``uses`` says which lots of the debited customer it takes (None: the oldest, as ``Books.enter`` finds them free),
    ``returns`` to which of the credited customer it brings points back, and ``expires_at`` that its points are a lot of their own.
    """

    debit_account_id: int
    credit_account_id: int
    amount: int
    batch_number: int | None = None
    was_held: bool = False
    uses: Pins | None = None
    returns: Pins = ()
    expires_at: dt.datetime | None = None


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
                done.append(self.move(leg))
        except Exception:
            for leg in reversed(done):
                self.move(leg, -1)
            raise
        if any(leg.uses for leg in done):
            booking = replace(booking, legs=tuple(done))
        self.entered.append(booking)

    def judge(self, leg: Leg) -> None:
        debit, credit = self.standings.get(leg.debit_account_id), self.standings.get(leg.credit_account_id)
        if debit is None or credit is None:
            raise AccountMissing
        if debit.asset_id != credit.asset_id or debit.site_id != credit.site_id:
            raise CurrencyMismatch
        credit.refuse_credit(leg.amount)
        debit.refuse_debit(leg.amount, leg.was_held)

    def move(self, leg: Leg, sign: int = 1) -> Leg:
        """Move it in memory, or back again with a ``sign`` of -1. Answers the leg with the lots that it uses."""
        debit, credit = self.standings[leg.debit_account_id], self.standings[leg.credit_account_id]
        if debit.balance is not None:
            if leg.uses is None and (lots := debit.known_lots):
                leg = replace(leg, uses=take(lots, leg.amount))
            if leg.uses:
                change_lots(debit, leg.uses, remaining=-sign)
            debit.balance -= sign * leg.amount
        if credit.balance is not None:
            if leg.returns:
                change_lots(credit, leg.returns, remaining=sign)
            credit.balance += sign * leg.amount
        return leg

    def hold(self, account_id: int, amount: int) -> Pins:
        """Set ``amount`` minor units of a customer's account aside; answers what of its lots the hold pins, oldest first.

        Raises AccountMissing, AccountLocked (it may only be credited, or is closed) or InsufficientBalance; nothing has changed
        then.
        """
        standing = self.standings.get(account_id)
        if standing is None:
            raise AccountMissing
        standing.refuse_hold(amount)
        pins = take(standing.known_lots, amount)
        standing.held += amount
        change_lots(standing, pins, held=1)
        return pins

    def unhold(self, account_id: int, amount: int, pins: Pins = ()) -> None:
        """Give ``amount`` minor units that were held back to what is available, and what of lots was pinned.

        Whoever does not consume them calls ``expire_lots`` then, for the date of a lot may have passed meanwhile.
        """
        standing = self.standings[account_id]
        assert 0 < amount <= standing.held, "No more is given back than was held."
        standing.held -= amount
        change_lots(standing, pins, held=-1)

    def expire_lots(self, account_id: int, now: dt.datetime) -> Booking | None:
        """Move what is free of the account's lots whose date has come, and answer the booking of it as of ``now``, if any is.

        It is not judged, for what has expired leaves a closed account too; and it is not entered: whoever asks posts it, and
        before a deed's own bookings.
        """
        standing = self.standings[account_id]
        over = tuple((lot.id, lot.free) for lot in standing.known_lots if lot.expires_at <= now and lot.free)
        if not over:
            return None
        assert standing.expired_id is not None, "Lots are granted where system accounts are open."
        system = Standing(standing.expired_id, standing.site_id, standing.asset_id, None, "", "open", 0, None, 0)
        self.standings.setdefault(system.id, system)
        leg = Leg(account_id, system.id, sum(part for _, part in over), uses=over)
        type_ = LedgerTransaction.Type.EXPIRY.value
        return Booking(uuid.uuid7(), standing.site_id, type_, (self.move(leg),), booked_at=now)


def change_lots(standing: Standing, pins: Pins, *, remaining: int = 0, held: int = 0) -> None:
    """Add so many times the pinned amounts to what remains, and to what is held, of the lots."""
    lots = {lot.id: lot for lot in standing.known_lots}
    for lot_id, amount in pins:
        lots[lot_id].remaining += remaining * amount
        lots[lot_id].held += held * amount


def standing_of(account: LedgerAccount) -> Standing:
    """An account as it was read without a lock: a system account, which has nothing to guard."""
    return Standing(
        account.pk, account.site_id, account.asset_id, account.owner_id, account.kind,
        account.state, account.floor, account.balance, account.held,
    )  # fmt: skip


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
