"""Setting value aside: the building blocks that points and native reservations share, inside the caller's transaction.

A deed on a token: ``lock`` the reservation, ``lock_held`` its accounts, then ``shrink``, ``release`` or ``consume``. Each judges in
memory and writes a fixed number of statements for any number of accounts.
"""

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuid

from accounts import clock, defects, digests, rows
from ledger import reservation_rows
from ledger.books import Booking, Books, Leg, lock_books
from ledger.lots import Pins, keep
from ledger.models import AccountHold, Asset, Reservation
from ledger.models.reservations import Ending
from ledger.opening import system_accounts
from ledger.pins import read_pins, write_pins, write_unpinned
from ledger.posting import post
from ledger.refusals import ReservationGone
from ledger.settling import settle

PLACED_COLUMNS = (
    *(("reservation_id", "uuid"), ("account_id", "bigint"), ("original_amount", "bigint"), ("amount", "bigint")),
    *(("expires_at", "timestamptz"), ("ended_as", "text")),
)
CHANGED_COLUMNS = (
    *(("id", "bigint"), ("amount", "bigint"), ("ended_as", "text"), ("ended_at", "timestamptz")),
    ("transaction_id", "uuid"),
)
Change = tuple[int, int, str, dt.datetime | None, UUID | None]  # As CHANGED_COLUMNS.


def new_token() -> str:
    """192 random bits, fit for an address."""
    return secrets.token_urlsafe(24)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return digests.keyed("reservation", token)


@dataclass(slots=True)
class Held:
    """The open holds of a locked reservation by account ID, their locked and settled accounts, and the instant read then.

    ``externals`` are the site's accounts for what leaves it, by asset ID; ``pins`` are by the hold's ID.
    """

    reservation: Reservation
    books: Books
    holds: dict[int, AccountHold]
    externals: dict[int, int]
    now: dt.datetime
    pins: dict[int, Pins] = field(default_factory=dict)

    def give_up(self, hold: AccountHold, kept: int) -> tuple[Pins, list[Booking]]:
        """Hold only ``kept`` minor units any more: what is unpinned, the latest first, and the expiry of what that lets expire."""
        mine = self.pins.get(hold.pk, ())
        stay, freed = keep(mine, kept)
        self.pins[hold.pk] = stay
        if hold.amount > kept:
            self.books.unhold(hold.account_id, hold.amount - kept, freed)
        expiry = self.books.expire_lots(hold.account_id, self.now)
        return freed, [expiry] if expiry else []


def open_reservation(
    *,
    site_id: int,
    owner_id: int | None,
    caller: str,
    kind: str,
    seconds: int,
    details: Mapping[str, Any],
    now: dt.datetime,
    household_id: int | None = None,
) -> tuple[Reservation, str]:
    """Write a reservation that holds nothing yet, and answer it with its token. ``now`` was read under the accounts' locks."""
    token = new_token()
    reservation = Reservation.objects.create(
        id=uuid.uuid7(),
        site_id=site_id,
        token_digest=digest(token),
        caller=caller,
        owner_id=owner_id,
        household_id=household_id,
        kind=kind,
        created_at=now,
        expires_at=now + dt.timedelta(seconds=seconds),
        details=dict(details),
    )
    return reservation, token


def place(books: Books, reservation: Reservation, amounts: Mapping[int, int]) -> dict[int, int]:
    """Hold these amounts (minor units by account ID, each > 0) of locked accounts; answers the holds' IDs by account ID.

    Raises AccountMissing, AccountLocked or InsufficientBalance; then nothing is written, and the caller gives its transaction up.
    """
    if not amounts:
        return {}
    pins = {account_id: books.hold(account_id, amounts[account_id]) for account_id in sorted(amounts)}
    placed = [
        (reservation.pk, account_id, amounts[account_id], amounts[account_id], reservation.expires_at, "")
        for account_id in sorted(amounts)
    ]
    holds = dict(rows.insert("ledger_accounthold", PLACED_COLUMNS, placed, "RETURNING account_id, id"))
    write_pins({holds[account_id]: of_hold for account_id, of_hold in pins.items()})
    return holds


def lock(token: str, *, site_id: int, kind: str, owner_id: int | None, caller: str = "") -> Reservation:
    """The token's reservation, locked. Raises ReservationGone where it has ended or is not of this site, kind, owner and caller.

    Whether it has expired is asked when its accounts are locked: ``lock_held``. Empty ``caller``: whoever bears the token.
    """
    reservation = reservation_rows.lock_reservation(digest(token))
    if reservation is None or reservation.ended_as:
        raise ReservationGone
    if (reservation.site_id, reservation.kind, reservation.owner_id) != (site_id, kind, owner_id):
        raise ReservationGone
    if caller and reservation.caller != caller:
        raise ReservationGone
    return reservation


def lock_held(reservation: Reservation) -> Held:
    """The accounts of a locked reservation, locked and settled. Raises ReservationGone where it has expired by then.

    Its holds are read under its own lock, which whoever changes them takes first; but for their expiry, and that is judged here.
    """
    holds = {hold.account_id: hold for hold in reservation_rows.read_open_holds(reservation.pk)}
    externals = external_accounts(reservation.site_id, list(holds.values()))
    books = lock_books([*holds, *externals.values()])
    now = clock.read()
    if reservation.expires_at <= now:
        raise ReservationGone
    settle(books, now)
    pinned = [hold.pk for account_id, hold in holds.items() if books.standings[account_id].lots]
    return Held(reservation, books, holds, externals, now, read_pins(pinned) if pinned else {})


def external_accounts(site_id: int, holds: Sequence[Any]) -> dict[int, int]:
    """Asset ID → the site's external account, opened if nothing has ever left the site in that asset."""
    found = {hold.asset_id: hold.external_id for hold in holds}
    for asset_id in [each for each, account_id in found.items() if account_id is None]:
        found[asset_id] = system_accounts(site_id, Asset.objects.get(pk=asset_id))["external"].pk
    return found


def shrink(held: Held, amounts: Mapping[int, int]) -> None:
    """Hold only these amounts any more; accounts left out, or with 0, are released. None is more than is held now."""
    changes: list[Change] = []
    unpinned: dict[int, Pins] = {}
    expired: list[Booking] = []
    for account_id, hold in list(held.holds.items()):
        kept = amounts.get(account_id, 0)
        assert 0 <= kept <= hold.amount, "A hold only shrinks."
        if kept == hold.amount:
            continue
        freed, over = held.give_up(hold, kept)
        expired += over
        if kept:
            hold.amount = kept
            unpinned[hold.pk] = freed
            changes.append((hold.pk, kept, "", None, None))
        else:
            changes.append((hold.pk, hold.amount, Ending.RELEASED, held.now, None))
            del held.holds[account_id]
    write(changes, unpinned, expired, held.now)


def release(held: Held) -> None:
    """Give all of it back, and end the reservation as released."""
    shrink(held, {})
    end(held.reservation, Ending.RELEASED, held.now)


def consume(held: Held, transaction_id: UUID, amounts: Mapping[int, int | None] | None = None) -> tuple[Leg, ...]:
    """End the holds as consumed by a transaction to be, and answer its legs: account → external.

    ``amounts`` (minor units by account ID) takes all that is held where it says None, and less where it says so; accounts left
    out, or with 0, are released. Without ``amounts`` everything is taken. The caller enters a booking of type SPEND with these
    legs, posts it, and then calls ``end``, which proves them. No legs: then there is no transaction.
    """
    changes: list[Change] = []
    legs: list[Leg] = []
    unpinned: dict[int, Pins] = {}
    expired: list[Booking] = []
    for account_id, hold in held.holds.items():
        asked = None if amounts is None else amounts.get(account_id, 0)
        taken = hold.amount if asked is None else asked
        assert 0 <= taken <= hold.amount, "No more is taken than is held."
        freed, over = held.give_up(hold, taken)
        expired += over
        if taken:
            # Only now: what is to be taken of a lot that ends meanwhile must not expire with the rest.
            held.books.unhold(account_id, taken, held.pins[hold.pk])
            external = held.externals[held.books.standings[account_id].asset_id]
            legs.append(Leg(account_id, external, taken, was_held=True, uses=held.pins[hold.pk]))
            unpinned[hold.pk] = freed
            changes.append((hold.pk, taken, Ending.CONSUMED, held.now, transaction_id))
        else:
            changes.append((hold.pk, hold.amount, Ending.RELEASED, held.now, None))
    held.holds.clear()
    write(changes, unpinned, expired, held.now)
    return tuple(legs)


def write(
    changes: Sequence[Change], unpinned: Mapping[int, Pins], expired: Sequence[Booking], now: dt.datetime
) -> None:
    """What became of open holds, in one statement; one more where lots are unpinned, and what that lets expire."""
    if not changes:
        return
    write_unpinned(unpinned)
    source, params = rows.as_table(CHANGED_COLUMNS, changes)
    guard = "" if defects.switched_on("guard") else "AND ledger_accounthold.ended_as = ''"
    touched = rows.write(
        f"""UPDATE ledger_accounthold SET amount = v.amount, ended_as = v.ended_as, ended_at = v.ended_at,
                   transaction_id = v.transaction_id
            FROM {source} WHERE ledger_accounthold.id = v.id {guard}""",  # noqa: S608
        params,
    )
    assert touched.count == len(changes), "Nobody else ends a hold while its reservation and account are locked."
    if expired:
        post(expired, now)


def end(reservation: Reservation, ended_as: str, now: dt.datetime, transaction_id: UUID | None = None) -> None:
    """End a locked reservation whose holds have ended; consumed ones name the transaction that spent them, if any did."""
    ended = reservation_rows.end_reservation(reservation.pk, ended_as, now, transaction_id)
    assert ended == 1, "Nobody else ends a reservation that is locked."
    reservation.ended_as, reservation.ended_at, reservation.transaction_id = ended_as, now, transaction_id
