"""Holds in the engine: whose they are, what they leave for others, and their end with the redemption that takes the use.

A code with three uses left and two of them held has one for everybody, and for each token's bearer the one they hold. What has
expired counts as absent by the clock that is read under the locks; a redemption ends it on its way, so no task need have run. A
code that nobody holds costs no statement.

A hold's row is written under the lock of its code alone. Its reservation's row is locked too where the reservation may end,
between the codes and the accounts.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts import budgets, defects, digests, rows
from accounts.rows import Touched, one_of
from codes.models import CodeHold
from codes.redemption.case import Case, CodeFacts, Hold
from codes.redemption.rounds import CountsDiffer
from codes.redemption.statements import fetch
from ledger import reserving

Ending = CodeHold.Ending


def tokens_of(cases: Sequence[Case]) -> set[bytes]:
    """The digests of the tokens that a list brings."""
    return {reserving.digest(case.command.reservation_token) for case in cases if case.command.reservation_token}


def load(codes: Sequence[CodeFacts], now: dt.datetime) -> None:
    """Give each code its open holds, in the order in which they were made, those that have expired apart."""
    held = {code.id: code for code in codes if code.held}
    for hold in read_open(list(held)):
        code = held[hold.code_id]
        (code.holds if hold.expires_at > now else code.lapsed).append(hold)


def own_hold(case: Case) -> Hold | None:
    """The hold whose token the case brings, for the owner of its reservation: without one, a case is anybody's."""
    token = case.command.reservation_token
    if not token or case.code is None or not case.code.holds:
        return None
    digest, owners = reserving.digest(token), (None, case.claimant.id if case.claimant else None)
    for hold in case.code.holds:
        if digests.equal(hold.token_digest, digest) and hold.owner_id in owners:
            return hold
    return None


def take(case: Case) -> None:
    """The case's use is taken: from its own hold, if it has one, which is nobody's for the cases after it."""
    hold = own_hold(case)
    if hold is not None and case.code is not None:
        case.code.holds.remove(hold)
        case.hold = hold


@dataclass(frozen=True, slots=True)
class Ended:
    """Holds whose end has been sent, to be checked once it was."""

    count: int
    touched: Touched

    def check(self) -> None:
        """Raise CountsDiffer if the guard let through another number of rows than was judged."""
        if self.touched.count != self.count and not defects.switched_on("guard"):
            raise CountsDiffer


def end_used(done: Sequence[Case], now: dt.datetime) -> Ended:
    """End the holds whose use was taken, and those of the same codes that have expired: before the uses are counted, for the
    database lets nobody take a use that is held."""
    endings: list[tuple[int, str, UUID | None]] = [
        (case.hold.id, Ending.CONSUMED.value, case.id) for case in done if case.hold
    ]
    codes = {case.code.id: case.code for case in done if case.code}
    endings += [(hold.id, Ending.EXPIRED.value, None) for code in codes.values() for hold in code.lapsed]
    return Ended(len(endings), write_endings(endings, now))


def end_reservations(cases: Sequence[Case], now: dt.datetime) -> None:
    """A reservation of which nothing is held any more, since the last of it was redeemed, has been consumed."""
    ids = sorted({case.hold.reservation_id for case in cases if case.hold and case.redeemed})
    if not ids:
        return
    wanted, params = one_of("ledger_reservation.id", "uuid", [rows.stored(each) for each in ids])
    rows.write(
        f"""UPDATE ledger_reservation SET ended_as = 'consumed', ended_at = %s
            WHERE {wanted} AND ended_as = '' AND NOT EXISTS (
                SELECT 1 FROM codes_hold h WHERE h.reservation_id = ledger_reservation.id AND h.ended_as = ''
            ) AND NOT EXISTS (
                SELECT 1 FROM ledger_accounthold a WHERE a.reservation_id = ledger_reservation.id AND a.ended_as = ''
            )""",  # noqa: S608
        [budgets.stored(now), *params],
    )


def write_endings(endings: Sequence[tuple[int, str, UUID | None]], now: dt.datetime) -> Touched:
    """End holds, (ID, how, attempt) each, guarded; their codes are locked."""
    if not endings:
        return Touched()
    columns = (("id", "bigint"), ("ended_as", "text"), ("attempt_id", "uuid"))
    source, params = rows.as_table(columns, sorted(endings, key=lambda each: each[0]))
    return rows.write(
        f"""UPDATE codes_hold SET ended_as = v.ended_as, attempt_id = v.attempt_id, ended_at = %s
            FROM {source} WHERE codes_hold.id = v.id AND codes_hold.ended_as = ''""",  # noqa: S608
        [budgets.stored(now), *params],
    )


OPEN = """
    SELECT h.id, h.code_id, h.reservation_id, r.token_digest, r.owner_id, h.expires_at
    FROM codes_hold h JOIN ledger_reservation r ON r.id = h.reservation_id
    WHERE {wanted} AND h.ended_as = '' ORDER BY h.id
"""


def read_open(code_ids: Sequence[int]) -> list[Hold]:
    """The holds of these codes that have not ended, those that have expired among them."""
    if not code_ids:
        return []
    wanted, params = one_of("h.code_id", "bigint", code_ids)
    return [
        Hold(row[0], row[1], rows.as_uuid(row[2]), bytes(row[3]), row[4], budgets.aware(row[5]))
        for row in fetch(OPEN.format(wanted=wanted), params)
    ]
