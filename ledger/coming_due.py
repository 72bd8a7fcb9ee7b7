"""What comes due on accounts, read in one statement and played in memory as dated events, in the order of their instants.

Holds and lots expire, suspended bookings count from their dates on. Whoever locks an account writes what has come of it
(``settling``); readings play the same without a lock: every deed settles first, so nothing can have happened to the account
since its first event.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import uuid_utils.compat as uuid

from accounts import prepared, rows
from accounts.budgets import aware
from accounts.refusals import Refusal
from ledger.books import COLUMNS, Booking, Books, Leg, Standing
from ledger.lots import LotStanding, Pins
from ledger.models import MOST

TOO_LARGE = "balance_too_large"
# At one instant in this order: what a hold gives up may be of a lot that ends then, and neither is there for a booking.
HOLD, LOT, SUSPENDED = 1, 2, 3
# Numbers of what has no row of its own yet, beyond the IDs of suspended bookings; all are exact in JSON.
BANDS = (SUSPENDED, LOT, HOLD)
BAND = 10**15
# A customer's accounts with all that waits for them: lots, open holds, their pins, suspended bookings that have come due.
EVENTS = """
    SELECT 2 AS what, l.account_id, l.id, l.expires_at AS due_at, l.remaining AS amount, l.held AS other,
           '' AS type, '' AS comment, '' AS reference
    FROM ledger_lot l WHERE {lot} AND l.remaining > 0
    UNION ALL
    SELECT 1, h.account_id, h.id, h.expires_at, h.amount, 0, '', '', ''
    FROM ledger_accounthold h WHERE {hold} AND h.ended_as = '' AND h.expires_at <= %s
    UNION ALL
    SELECT 0, h.account_id, h.id, h.expires_at, p.amount, p.lot_id, '', '', ''
    FROM ledger_accounthold h JOIN ledger_lothold p ON p.hold_id = h.id
    WHERE {hold} AND h.ended_as = '' AND h.expires_at <= %s AND p.amount > 0
    UNION ALL
    SELECT 3, s.account_id, s.id, s.due_at, s.amount, s.system_account_id, s.type, s.comment, s.reference
    FROM ledger_suspendedbooking s WHERE {suspended} AND s.state = 'waiting' AND s.due_at <= %s
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that comes due on an account: ``amount`` in minor units, of a suspended booking as its holder sees it."""

    what: int
    account_id: int
    id: int
    instant: dt.datetime
    amount: int
    pins: Pins = ()
    system_account_id: int = 0
    type: str = ""
    comment: str = ""
    reference: str = ""

    @property
    def order(self) -> tuple[dt.datetime, int, int]:
        return self.instant, self.what, self.id

    @property
    def number(self) -> int:
        """What a statement calls it until it is posted."""
        return -(BANDS.index(self.what) * BAND + self.id)


def event_of(number: int) -> tuple[int, int]:
    """What a negative number stands for: HOLD, LOT or SUSPENDED, and its ID. One that is nothing's has an ID that nothing has."""
    band, id_ = divmod(-number, BAND)
    return (BANDS[band], id_) if band < len(BANDS) else (SUSPENDED, 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of an event: its ``booking``, or the reason why the account did not permit it."""

    event: Event
    booking: Booking | None
    refusal: str = ""

    @property
    def amount(self) -> int:
        """As the holder sees it."""
        legs = self.booking.legs if self.booking else ()
        return sum(leg.amount if leg.credit_account_id == self.event.account_id else -leg.amount for leg in legs)


@dataclass(slots=True)
class Due:
    """Accounts as they stood at one moment, with all that was due on them then."""

    standings: dict[int, Standing] = field(default_factory=dict)
    booked_through: dict[int, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


def read(condition: str, params: Sequence[Any], now: dt.datetime) -> Due:
    """The customers' accounts that ``condition`` (about ``a``, a ledger account) finds, with what is due by ``now``."""
    chosen = f"IN (SELECT a.id FROM ledger_ledgeraccount a WHERE {condition})"  # noqa: S608
    moment = rows.stored(now)
    events = EVENTS.format(
        lot=f"l.account_id {chosen}", hold=f"h.account_id {chosen}", suspended=f"s.account_id {chosen}"
    )
    columns = "e.what, e.id, e.due_at, e.amount, e.other, e.type, e.comment, e.reference"
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""SELECT {COLUMNS}, a.booked_through, x.id, {columns}
                FROM ledger_ledgeraccount a
                LEFT JOIN ledger_ledgeraccount x
                    ON x.site_id = a.site_id AND x.asset_id = a.asset_id AND x.purpose = 'expired'
                    AND x.owner_id IS NULL AND x.batch_number IS NULL
                LEFT JOIN ({events}) e ON e.account_id = a.id
                WHERE a.owner_id IS NOT NULL AND {condition}
                ORDER BY a.id, e.due_at, e.what, e.id""",  # noqa: S608
            [*params, *params, moment, *params, moment, *params, moment, *params],
        )
        return arrange(cursor.fetchall())


def read_accounts(account_ids: Sequence[int], now: dt.datetime) -> Due:
    return read(*rows.one_of("a.id", "bigint", account_ids), now)


def arrange(found: Sequence[tuple[Any, ...]]) -> Due:
    due = Due()
    own = len(COLUMNS.split(","))
    pins: dict[int, Pins] = {}
    for row in found:
        if row[0] not in due.standings:
            due.standings[row[0]] = standing = Standing(*row[:own])
            standing.lots, standing.expired_id = [], row[own + 1]
            due.booked_through[row[0]] = row[own]
        what, id_, instant, amount, other, type_, comment, reference = row[own + 2 :]
        if what is None:
            continue
        standing = due.standings[row[0]]
        event = Event(what, row[0], id_, aware(instant), amount)
        if what == 0:  # Pins come before their holds, and each hold's in the order of what it pinned.
            pins[id_] = (*pins.get(id_, ()), (other, amount))
        elif what == HOLD:
            due.events.append(Event(what, row[0], id_, event.instant, amount, pins.get(id_, ())))
        elif what == LOT:
            assert standing.lots is not None
            standing.lots.append(LotStanding(id_, event.instant, amount, other))
            due.events.append(event)
        else:
            due.events.append(Event(what, row[0], id_, event.instant, amount, (), other, type_, comment, reference))
    due.events.sort(key=lambda event: event.order)
    return due


def play(books: Books, events: Sequence[Event], until: dt.datetime) -> list[Outcome]:
    """Enter in ``books`` what becomes of the events up to and including ``until``. Nothing is written."""
    outcomes = []
    for event in events:
        if event.instant > until:
            break
        if event.what == SUSPENDED:
            outcomes.append(judge(books, event))
            continue
        if event.what == HOLD:
            books.unhold(event.account_id, event.amount, event.pins)
        if booking := books.expire_lots(event.account_id, event.instant):
            books.entered.append(booking)
        if booking or event.what == HOLD:
            outcomes.append(Outcome(event, booking))
    return outcomes


def judge(books: Books, event: Event) -> Outcome:
    """Enter a suspended booking if its account permits it then."""
    account = books.standings[event.account_id]
    system = Standing(event.system_account_id, account.site_id, account.asset_id, None, "", "open", 0, None, 0)
    books.standings.setdefault(system.id, system)
    leg = Leg(system.id, account.id, event.amount)
    if event.amount < 0:
        leg = Leg(account.id, system.id, -event.amount)
    booking = Booking(
        id=uuid.uuid7(),
        site_id=account.site_id,
        type=event.type,
        legs=(leg,),
        comment=event.comment,
        reference=event.reference,
        booked_at=event.instant,
    )
    # No refusal of the ledger's: but a balance that no longer fits would keep every later deed from the account.
    if not -MOST <= (account.balance or 0) + event.amount <= MOST:
        return Outcome(event, None, TOO_LARGE)
    try:
        books.enter(booking)
    except Refusal as refusal:
        return Outcome(event, None, refusal.reason)
    return Outcome(event, books.entered[-1])


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Accounts as they will be once somebody has settled them, and what will have become of each event."""

    standings: dict[int, Standing]
    booked_through: dict[int, int]
    outcomes: list[Outcome]


def foresee(due: Due, until: dt.datetime) -> Foreseen:
    """What settling would write by ``until``, as is known without a lock."""
    outcomes = play(Books({**due.standings}), due.events, until)
    return Foreseen(due.standings, due.booked_through, outcomes)
