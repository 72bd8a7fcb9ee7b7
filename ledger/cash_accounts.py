"""Cash accounts: opening and changing them, booking on them now or from a date on, and calling off what still waits.

Each deed is one transaction of its own, audited; the internal comment stays in the audit, and the holder reads the other one.
"""

import datetime as dt
from typing import Any

import uuid_utils.compat as uuid
from django.db import IntegrityError, transaction

from accounts import auditing
from accounts.models import User
from ledger.books import Booking, Leg
from ledger.models import MOST, Asset, LedgerAccount, LedgerTransaction, SuspendedBooking, Transfer
from ledger.moving import book, refuse_out_of_bounds
from ledger.opening import system_accounts
from ledger.refusals import AccountLocked
from ledger.settling import lock_settled, note_due_dates

Type = LedgerTransaction.Type
State = LedgerAccount.State
# Type → the system account at the other end, and the sign as the holder sees it.
TYPES = {Type.GRANT: ("funding", 1), Type.PAYOUT: ("external", -1), Type.CORRECTION: ("funding", -1)}


class AccountExists(Exception):
    """The owner has a cash account already; its asset never changes."""


class AccountNotEmpty(Exception):
    """Something is on the account, or still waits for it."""


class NotWaiting(Exception):
    """The suspended booking has been posted, refused or cancelled."""


def open_cash_account(owner: User, asset: Asset, *, floor: int = 0, actor_id: str, reason: str = "") -> LedgerAccount:
    """Open the owner's cash account in this currency; ``floor`` is its minimum balance in minor units.

    Raises AccountExists, and ValueError for staff of no site, for points, and for a floor out of bounds.
    """
    if owner.site_id is None:
        raise ValueError("Only a site's user can own an account.")
    if asset.kind != Asset.Kind.MONEY:
        raise ValueError("A cash account counts money.")
    refuse_floor(floor)
    with transaction.atomic(durable=True):
        try:
            with transaction.atomic():
                account = LedgerAccount.objects.create(
                    site_id=owner.site_id,
                    owner=owner,
                    asset=asset,
                    kind=LedgerAccount.Kind.CASH,
                    balance=0,
                    floor=floor,
                )
        except IntegrityError as error:
            raise AccountExists from error
        audit("account.open", account, actor_id, {"asset": asset.code, "floor": floor, "reason": reason})
    return account


def change_account(
    account: LedgerAccount, *, state: str | None = None, floor: int | None = None, actor_id: str, reason: str
) -> LedgerAccount:
    """Change the state (open, credit_only, closed) or the minimum balance (minor units); None stays as it is.

    What has come due is settled before, under the old rules. A floor above the balance keeps only later bookings out.
    Raises ValueError for a state or a floor that cannot be.
    """
    refuse_floor(floor or 0)
    if floor and account.kind == LedgerAccount.Kind.POINTS:
        raise ValueError("Points have no minimum balance.")
    if state is not None and state not in State.values:
        raise ValueError(f"There is no state {state!r}.")
    with transaction.atomic(durable=True):
        return change(account, state, floor, actor_id, reason)


def close_empty_account(account: LedgerAccount, *, actor_id: str, reason: str) -> LedgerAccount:
    """Close an account that holds nothing and for which nothing waits. Raises AccountNotEmpty."""
    with transaction.atomic(durable=True):
        books, _ = lock_settled([account.pk])
        waits = account.suspended_bookings.filter(state=SuspendedBooking.State.WAITING)
        if books.standings[account.pk].balance or books.standings[account.pk].held or waits.exists():
            raise AccountNotEmpty
        return change(account, State.CLOSED, None, actor_id, reason)


def change(account: LedgerAccount, state: str | None, floor: int | None, actor_id: str, reason: str) -> LedgerAccount:
    """Inside the caller's transaction."""
    books, now = lock_settled([account.pk])
    before = books.standings[account.pk]
    given = {"state": (before.state, state), "floor": (before.floor, floor)}
    changed: dict[str, Any] = {name: new for name, (old, new) in given.items() if new is not None and new != old}
    if changed:
        LedgerAccount.objects.filter(pk=account.pk).update(**changed)
    detail = {name: [given[name][0], new] for name, new in changed.items()}
    audit("account.change", account, actor_id, {**detail, "reason": reason}, now)
    return LedgerAccount.objects.select_related("asset", "owner").get(pk=account.pk)


def perform(
    account: LedgerAccount,
    type_: str,
    amount: int,
    *,
    comment: str,
    actor_id: str,
    internal_comment: str = "",
    due_at: dt.datetime | None = None,
    reference: str = "",
) -> LedgerTransaction | SuspendedBooking:
    """Book ``amount`` minor units (positive) on a customer's account: a grant into it, a payout or correction out of it.

    With a ``due_at`` still to come the booking is suspended: it counts from then on, and only then is the account asked whether
    it permits it. A ``reference`` that has been booked on the account is not booked again: the first booking is answered.
    Raises AccountLocked, InsufficientBalance, and ValueError for another type or an amount out of bounds.
    """
    if type_ not in TYPES:
        raise ValueError(f"Nobody books {type_!r} by hand.")
    refuse_out_of_bounds(amount)
    other, sign = TYPES[Type(type_)]
    system = system_accounts(account.site_id, account.asset)[other]
    with transaction.atomic(durable=True):
        books, now = lock_settled([account.pk, system.pk])
        if reference and (earlier := find_booked(account, reference)):
            return earlier
        detail: dict[str, Any] = {"amount": sign * amount, "internal_comment": internal_comment}
        booked: LedgerTransaction | SuspendedBooking
        if due_at is not None and due_at > now:
            if books.standings[account.pk].state == State.CLOSED:
                raise AccountLocked
            booked = SuspendedBooking.objects.create(
                site_id=account.site_id,
                account=account,
                system_account=system,
                amount=sign * amount,
                type=type_,
                comment=comment[:200],
                reference=reference[:100],
                due_at=due_at,
                created_at=now,
                actor_id=actor_id[:100],
            )
            # The trigger only guards it: the deed says so itself, as if there were none.
            note_due_dates([account.pk])
            detail |= {"suspended_booking": booked.pk, "due_at": due_at.astimezone(dt.UTC).isoformat()}
        else:
            leg = Leg(system.pk, account.pk, amount) if sign > 0 else Leg(account.pk, system.pk, amount)
            booking = Booking(uuid.uuid7(), account.site_id, type_, (leg,), comment, reference)
            book(books, booking, account, now)
            booked = LedgerTransaction.objects.get(pk=booking.id)
            detail |= {"transaction": str(booking.id)}
        audit(f"ledger.{type_}", account, actor_id, detail, now)
    return booked


def find_booked(account: LedgerAccount, reference: str) -> LedgerTransaction | SuspendedBooking | None:
    """What was booked by hand on the account under this reference, or waits there."""
    for side in ("debit_account", "credit_account"):
        found = Transfer.objects.filter(**{side: account}, transaction__reference=reference)
        if leg := found.select_related("transaction").first():
            return leg.transaction
    return SuspendedBooking.objects.filter(account=account, reference=reference).first()


def cancel(suspended: SuspendedBooking, *, actor_id: str, reason: str) -> None:
    """Call off a suspended booking before its date. Raises NotWaiting; its account is settled by somebody else then."""
    account = suspended.account
    with transaction.atomic(durable=True):
        _, now = lock_settled([account.pk])
        waiting = SuspendedBooking.objects.filter(pk=suspended.pk, state=SuspendedBooking.State.WAITING)
        if not waiting.update(state=SuspendedBooking.State.CANCELLED, ended_at=now):
            raise NotWaiting
        note_due_dates([account.pk])
        detail = {"suspended_booking": suspended.pk, "amount": suspended.amount, "reason": reason}
        audit("account.cancel_booking", account, actor_id, detail, now)


def refuse_floor(floor: int) -> None:
    """Raises ValueError."""
    if not -MOST <= floor <= MOST:
        raise ValueError("A minimum balance is from -10^15 to 10^15 minor units.")


def audit(
    action: str, account: LedgerAccount, actor_id: str, detail: dict[str, Any], now: dt.datetime | None = None
) -> None:
    auditing.record(
        action,
        site=account.site_id,
        actor_id=actor_id,
        object_type="ledgeraccount",
        object_id=account.pk,
        detail=detail,
        now=now,
    )
