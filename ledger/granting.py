"""Granting points: a campaign gives some, a correction gives or takes them; with a reason, once per key, audited."""

import datetime as dt

import uuid_utils.compat as uuid
from django.db import IntegrityError, transaction

from accounts import digests
from ledger.books import Booking, Leg
from ledger.cash_accounts import audit
from ledger.models import LedgerAccount, LedgerTransaction, PointsGrant
from ledger.moving import book, refuse_out_of_bounds
from ledger.opening import system_accounts
from ledger.settling import lock_settled

Kind = PointsGrant.Kind
BOOKED_AS = {Kind.CAMPAIGN: LedgerTransaction.Type.GRANT, Kind.CORRECTION: LedgerTransaction.Type.CORRECTION}


class KeyOfAnother(Exception):
    """The caller has used the key for another grant."""


def grant_points(
    account: LedgerAccount,
    amount: int,
    *,
    kind: str,
    reason: str,
    actor_id: str,
    expires_at: dt.datetime | None = None,
    comment: str = "",
    caller: str = "",
    idempotency_key: str | None = None,
) -> tuple[PointsGrant, bool]:
    """Give ``amount`` points, which may be used until ``expires_at`` (None: without end); a correction may be negative, and then
    takes the points that expire first. The holder reads the ``comment``; the ``reason`` stays with the site.

    Answers the grant, and whether it was made before under this ``caller``'s key. One durable transaction. Raises KeyOfAnother,
    AccountLocked, InsufficientBalance, and ValueError for another kind of account or grant, an amount out of bounds, an empty
    reason, and an end that has passed or that a correction downwards names.
    """
    refuse_unreadable(account, amount, kind, reason, expires_at)
    said = [str(account.pk), str(amount), kind, reason, comment, expires_at.isoformat() if expires_at else ""]
    fingerprint = digests.keyed("grant points", *said)
    funding = system_accounts(account.site_id, account.asset)["funding"]
    try:
        with transaction.atomic(durable=True):
            books, now = lock_settled([account.pk, funding.pk])
            # After the lock, so that a retry beside the first call waits and finds what it did.
            if earlier := find_earlier(caller, idempotency_key, fingerprint):
                return earlier, True
            if expires_at is not None and expires_at <= now:
                raise ValueError("Points must expire later than now.")
            leg = Leg(funding.pk, account.pk, amount, expires_at=expires_at)
            if amount < 0:
                leg = Leg(account.pk, funding.pk, -amount)
            booking = Booking(uuid.uuid7(), account.site_id, BOOKED_AS[Kind(kind)], (leg,), comment)
            book(books, booking, account, now)
            grant = PointsGrant.objects.create(
                transaction_id=booking.id,
                site_id=account.site_id,
                account=account,
                kind=kind,
                amount=amount,
                expires_at=expires_at,
                reason=reason[:200],
                caller=caller,
                actor_id=actor_id[:100],
                idempotency_key=idempotency_key,
                fingerprint=None if idempotency_key is None else fingerprint,
                granted_at=now,
            )
            detail = {"amount": amount, "kind": kind, "reason": reason, "transaction": str(booking.id)}
            if expires_at is not None:
                detail["expires_at"] = expires_at.astimezone(dt.UTC).isoformat()
            audit("points.grant", account, actor_id, detail, now)
    except IntegrityError as error:
        if idempotency_key is None:
            raise
        # Two grants to different accounts with one key at the same moment.
        raise KeyOfAnother from error
    return grant, False


def refuse_unreadable(
    account: LedgerAccount, amount: int, kind: str, reason: str, expires_at: dt.datetime | None
) -> None:
    """Raises ValueError for what no account could take."""
    if account.kind != LedgerAccount.Kind.POINTS:
        raise ValueError("Points are granted on an account of points.")
    if kind not in Kind.values:
        raise ValueError(f"There is no grant of the kind {kind!r}.")
    if amount < 0 and kind != Kind.CORRECTION:
        raise ValueError("Only a correction takes points.")
    refuse_out_of_bounds(abs(amount))
    if amount < 0 and expires_at is not None:
        raise ValueError("Only points that are given can expire.")
    if not reason.strip():
        raise ValueError("Say why.")


def find_earlier(caller: str, idempotency_key: str | None, fingerprint: bytes) -> PointsGrant | None:
    """The grant that has the caller's key. Raises KeyOfAnother if it was another one."""
    if idempotency_key is None:
        return None
    earlier = PointsGrant.objects.filter(caller=caller, idempotency_key=idempotency_key).first()
    if earlier and bytes(earlier.fingerprint or b"") != fingerprint:
        raise KeyOfAnother
    return earlier
