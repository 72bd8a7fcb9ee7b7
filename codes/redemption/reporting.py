"""What a redemption that was reported does: the venue has given the thing already, so a use is counted and its value leaves.

Nothing is given to anybody, whatever the code's action. Source: redemption advice, section 6.
"""

from collections.abc import Sequence
from typing import Any

import uuid_utils.compat as uuid

from codes.actions.base import Effect
from codes.actions.credit import decimal
from codes.redemption import statements
from codes.redemption.case import Case, CodeFacts
from codes.redemption.rules import found
from ledger.books import Booking, Books, Leg
from ledger.models import LedgerAccount, LedgerTransaction
from ledger.refusals import AccountMissing

Purpose = LedgerAccount.Purpose


def load(cases: Sequence[Case], books: Books) -> None:
    """Put the accounts that reported value moves between into the books; codes without value need no statement."""
    worth = [case for case in cases if case.command.reported and case.code and case.code.asset_id is not None]
    of_sites = statements.read_site_accounts({(c.code.site_id, c.code.asset_id or 0) for c in worth if c.code})
    books.standings.update({each.id: each for each in of_sites.values()})
    for case in worth:
        code = found(case)
        case.extra = {
            purpose: of_sites.get((code.site_id, code.asset_id or 0, purpose))
            for purpose in (Purpose.EXTERNAL, Purpose.EXPIRED)
        }


def judge(case: Case) -> Effect:
    """Outstanding → external, or expired → external where the sweep was faster than a late report. Raises AccountMissing."""
    code = found(case)
    told = {"reported": True, "shared": code.max_uses > 1}
    if code.asset_id is None:
        return Effect(told, given={})
    external, expired = case.extra[Purpose.EXTERNAL], case.extra[Purpose.EXPIRED]
    source = (expired and expired.id) if code.value_expired else code.outstanding_id
    if external is None or source is None:
        raise AccountMissing
    booking = Booking(
        id=uuid.uuid7(),
        site_id=code.site_id,
        type=LedgerTransaction.Type.REPORT,
        legs=(Leg(source, external.id, code.value, code.batch_id),),
        comment=f"Code {code.batch_id}-{code.serial}, reported",
    )
    return Effect({**told, **worth_of(code)}, given={}, booking=booking)


def worth_of(code: CodeFacts) -> dict[str, Any]:
    if code.asset_kind == "points":
        return {"value": code.value, "unit": code.asset_code}
    return {"value": decimal(code.value, code), "currency": code.asset_code}
