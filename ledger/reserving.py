"""Setting value aside: the building blocks that points and native reservations share, inside the caller's transaction.

A deed on a token: ``lock`` the reservation, ``lock_held`` its accounts, then ``shrink``, ``release`` or ``consume``. Each judges in
memory and writes a fixed number of statements for any number of accounts.
"""

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts import digests
from ledger.books import Books, Leg
from ledger.models import AccountHold, Reservation


def new_token() -> str:
    """192 random bits, fit for an address."""
    return secrets.token_urlsafe(24)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return digests.keyed("reservation", token)


@dataclass(slots=True)
class Held:
    """The open holds of a locked reservation by account ID, their locked and settled accounts, and the instant read then.

    ``externals`` are the site's accounts for what leaves it, by asset ID.
    """

    reservation: Reservation
    books: Books
    holds: dict[int, AccountHold]
    externals: dict[int, int]
    now: dt.datetime


def open_reservation(
    *,
    site_id: int,
    owner_id: int | None,
    caller: str,
    kind: str,
    seconds: int,
    details: Mapping[str, Any],
    now: dt.datetime,
) -> tuple[Reservation, str]:
    """Write a reservation that holds nothing yet, and answer it with its token. ``now`` was read under the accounts' locks."""
    raise NotImplementedError


def place(books: Books, reservation: Reservation, amounts: Mapping[int, int]) -> dict[int, int]:
    """Hold these amounts (minor units by account ID, each > 0) of locked accounts; answers the holds' IDs by account ID.

    Raises AccountMissing, AccountLocked or InsufficientBalance; then nothing is written, and the caller gives its transaction up.
    """
    raise NotImplementedError


def lock(token: str, *, site_id: int, kind: str, owner_id: int | None, caller: str) -> Reservation:
    """The token's reservation, locked. Raises ReservationGone where it has ended or is not of this site, kind, owner and caller.

    Whether it has expired is asked when its accounts are locked: ``lock_held``. Empty ``caller``: whoever bears the token.
    """
    raise NotImplementedError


def lock_held(reservation: Reservation) -> Held:
    """The accounts of a locked reservation, locked and settled. Raises ReservationGone where it has expired by then."""
    raise NotImplementedError


def shrink(held: Held, amounts: Mapping[int, int]) -> None:
    """Hold only these amounts any more; accounts left out, or with 0, are released. None is more than is held now."""
    raise NotImplementedError


def release(held: Held) -> None:
    """Give all of it back, and end the reservation as released."""
    raise NotImplementedError


def consume(held: Held, transaction_id: UUID, amounts: Mapping[int, int | None] | None = None) -> tuple[Leg, ...]:
    """End the holds as consumed by a transaction to be, and answer its legs: account → external.

    ``amounts`` (minor units by account ID) takes all that is held where it says None, and less where it says so; accounts left
    out, or with 0, are released. Without ``amounts`` everything is taken. The caller enters a booking of type SPEND with these
    legs, posts it, and then calls ``end``, which proves them. No legs: then there is no transaction.
    """
    raise NotImplementedError


def end(reservation: Reservation, ended_as: str, now: dt.datetime, transaction_id: UUID | None = None) -> None:
    """End a locked reservation whose holds have ended; consumed ones name the transaction that spent them, if any did."""
    raise NotImplementedError
