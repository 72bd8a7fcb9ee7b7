"""The checks of steps 2 to 6, pure: each takes a case and the instant, notes what it saw, and raises its refusal.

The first refusal wins, so the order is part of every contract. Source: redemption flow, section 3; each door names its order.
"""

import datetime as dt
from collections.abc import Callable

from accounts.refusals import CallerNotAllowed, ClaimantInactive, ClaimantUnknown, SignInNeeded
from codes.lookup import LONGEST_TYPED
from codes.models import Batch, Code
from codes.redemption import holding
from codes.redemption.case import Case, CodeFacts
from codes.redemption.commands import BROWSER_DOOR, PREPAID_DOOR, REPORTED_DOOR
from codes.refusals import (
    AlreadyRedeemed,
    CampaignCapReached,
    ClaimantCapReached,
    CodeDisabled,
    CodeExpired,
    CodeFormatInvalid,
    CodeNotFound,
    CodeNotYetValid,
    CodeReserved,
    CodeUsedUp,
    CooldownActive,
    DateInvalid,
    FieldTooLong,
    MissingClaimant,
    MissingCode,
    NotEntitled,
    OffsetInvalid,
    VenueNotAllowed,
)
from codes.uses import limit
from ledger.models import Asset, LedgerAccount
from ledger.refusals import AccountLocked, AccountMissing, CurrencyMismatch

LIMITS = {"code": LONGEST_TYPED, "claimant_id": 100, "channel": 30, "venue_id": 100, "reference": 100}

CREDIT = "credit"  # The action's name.
AHEAD = dt.timedelta(minutes=10)  # How much further a till's clock may be.

Rule = Callable[[Case, dt.datetime], None]


def refuse_no_code(case: Case, now: dt.datetime) -> None:
    case.expect(bool(case.command.code.strip()), "code_given", MissingCode)


def refuse_unreadable_report(case: Case, now: dt.datetime) -> None:
    """Of a report what could not be read, in this order: text, date, offset. Source: redemption advice, sections 4 and 6."""
    reported = case.command.reported
    assert reported is not None, "This door takes reports."
    case.expect(reported.problem != "invalid_text", "text_readable", MissingCode)
    in_time = reported.happened_at is None or reported.happened_at <= reported.received_at + AHEAD
    seen = {"happened_at": reported.happened_at, "received_at": reported.received_at}
    case.expect(reported.problem != "invalid_date" and in_time, "date_readable", DateInvalid, **seen)
    case.expect(reported.problem != "invalid_offset", "offset_readable", OffsetInvalid)


def refuse_no_claimant(case: Case, now: dt.datetime) -> None:
    case.expect(bool(case.claimant_id), "claimant_given", MissingClaimant)


def refuse_too_long(case: Case, now: dt.datetime) -> None:
    said = case.command
    too_long = {name: len(text) for name, limit in LIMITS.items() if len(text := getattr(said, name) or "") > limit}
    case.expect(not too_long, "lengths", FieldTooLong, **too_long)


def refuse_unreadable(case: Case, now: dt.datetime) -> None:
    case.expect(case.form is not None, "readable", CodeFormatInvalid)


def refuse_unknown(case: Case, now: dt.datetime) -> None:
    case.expect(not case.typo, "check_symbol", CodeFormatInvalid)
    # A deleted code is as unknown as any, and so are all codes of a deleted batch.
    code = case.code
    known = code is not None and code.state != Code.State.DELETED and code.batch_state != Batch.State.ARCHIVED
    case.expect(known, "code_found", CodeNotFound)


def refuse_signed_out(case: Case, now: dt.datetime) -> None:
    """Whether an account is needed shows only now that the code is known, for its action says so."""
    case.expect(case.for_browser or bool(case.claimant_id), "signed_in", SignInNeeded)


def refuse_held(case: Case, now: dt.datetime) -> None:
    """A browser that holds what the code gave has what it asks for: it hears its earlier receipt, and nothing is counted."""
    if case.browser_id is not None:
        number = found(case).browsers.get(case.browser_id)
        try:
            case.expect(number is None, "not_held", AlreadyRedeemed)
        except AlreadyRedeemed as already:
            already.receipt_number = number
            raise


def refuse_switched_off(case: Case, now: dt.datetime) -> None:
    code = found(case)
    on = code.state != Code.State.DISABLED and code.batch_state == Batch.State.ACTIVE
    case.expect(on, "switched_on", CodeDisabled, code=code.state, batch=code.batch_state)


def refuse_not_yet_valid(case: Case, now: dt.datetime) -> None:
    start = found(case).valid_from
    case.expect(start is None or start <= now, "started", CodeNotYetValid, valid_from=start, now=now)


def refuse_expired(case: Case, now: dt.datetime) -> None:
    end = found(case).valid_until
    case.expect(end is None or now < end, "not_expired", CodeExpired, valid_until=end, now=now)


def refuse_used_up(case: Case, now: dt.datetime) -> None:
    code = found(case)
    left = code.state != Code.State.USED_UP and code.uses < code.max_uses
    try:
        case.expect(left, "uses_left", CodeUsedUp, uses=code.uses, max_uses=limit(code.max_uses))
    except CodeUsedUp as refusal:
        refusal.receipt_number = own_receipt(case, code)
        raise


def own_receipt(case: Case, code: CodeFacts) -> int | None:
    """The claimant's own receipt, whichever use was theirs; else the last one's, for its actor; nobody else's."""
    claimant, caller, last = case.claimant, case.command.caller, code.last_redemption
    if claimant is not None and case.uses.receipt_number is not None and caller.may_act_for(claimant.id):
        return case.uses.receipt_number
    return last.receipt_number if last is not None and last.caller == caller.key else None


def refuse_reserved(case: Case, now: dt.datetime) -> None:
    """A use that somebody holds is theirs: others may take what is left beside it, and its own token is let in."""
    code = found(case)
    if not code.holds:
        case.expect(True, "not_reserved", CodeReserved)
        return
    own = holding.own_hold(case) is not None
    free = own or code.max_uses - code.uses > len(code.holds)
    case.expect(free, "not_reserved", CodeReserved, held=len(code.holds), own=own)


def refuse_claimant(case: Case, now: dt.datetime) -> None:
    if case.for_browser:
        return
    claimant, caller = case.claimant, case.command.caller
    case.expect(claimant is not None, "claimant_known", ClaimantUnknown)
    assert claimant is not None
    case.expect(claimant.is_active, "claimant_active", ClaimantInactive)
    case.expect(caller.may_act_for(claimant.id), "caller_may_act", CallerNotAllowed, caller=caller.actor_id)


def refuse_other_owner(case: Case, now: dt.datetime) -> None:
    owner, person = found(case).owner_id, case.claimant
    if case.signed_in is not None and case.command.caller.may_act_for(case.signed_in.id):
        person = case.signed_in  # A session code may be bound to somebody too, though their account is not changed.
    entitled = owner is None or (person is not None and owner == person.id)
    case.expect(entitled, "entitled", NotEntitled, bound=owner is not None)


def refuse_over_claimant_cap(case: Case, now: dt.datetime) -> None:
    if case.for_browser:
        return
    cap, uses = found(case).uses_per_claimant, case.uses
    # One word for "you had one use", another for "you had several" (redemption flow, section 5).
    refusal = AlreadyRedeemed if cap == 1 else ClaimantCapReached
    try:
        case.expect(uses.in_force < cap, "claimant_cap", refusal, uses=uses.in_force, cap=cap)
    except AlreadyRedeemed as already:
        already.receipt_number = uses.receipt_number
        raise


def refuse_over_batch_cap(case: Case, now: dt.datetime) -> None:
    batch = found(case).batch
    if batch is not None and batch.cap is not None:
        case.expect(batch.uses < batch.cap, "batch_cap", CampaignCapReached, uses=batch.uses, cap=batch.cap)


def refuse_venue(case: Case, now: dt.datetime) -> None:
    venues = found(case).venues
    if venues:
        case.expect(case.command.venue_id in venues, "venue", VenueNotAllowed, venue=case.command.venue_id)


def refuse_too_soon(case: Case, now: dt.datetime) -> None:
    code = found(case)
    seconds = code.cooldown_seconds
    if seconds and code.batch and case.claimant:
        last = code.batch.last_by_claimant.get(case.claimant.id)
        waited = last is None or now - last >= dt.timedelta(seconds=seconds)
        case.expect(waited, "cooldown", CooldownActive, last=last, seconds=seconds)


def refuse_other_than_money(case: Case, now: dt.datetime) -> None:
    """Through a door that only tops up money every other code is as unknown as one that nobody issued."""
    code = found(case)
    tops_up = code.action == CREDIT and code.asset_kind == Asset.Kind.MONEY
    case.expect(tops_up, "tops_up_money", CodeNotFound, action=code.action)


def refuse_account(case: Case, now: dt.datetime) -> None:
    """What the action would refuse too, here in the protocol's own order. Source: prepaid engine, section 6."""
    account = case.account
    case.expect(account is not None, "account_there", AccountMissing)
    assert account is not None
    case.expect(account.state != LedgerAccount.State.CLOSED, "account_open", AccountLocked, state=account.state)
    case.expect(account.asset_id == found(case).asset_id, "same_currency", CurrencyMismatch)


def found(case: Case) -> CodeFacts:
    """The code, in rules that stand after the one that refuses an unknown code."""
    assert case.code is not None
    return case.code


READING: tuple[Rule, ...] = (refuse_no_code, refuse_no_claimant, refuse_too_long, refuse_unreadable)
STATUS_NATIVE: tuple[Rule, ...] = (
    refuse_switched_off,
    refuse_not_yet_valid,
    refuse_expired,
    refuse_used_up,
    refuse_reserved,
)
CLAIMANT: tuple[Rule, ...] = (refuse_claimant, refuse_other_owner)
BUSINESS: tuple[Rule, ...] = (refuse_over_claimant_cap, refuse_over_batch_cap, refuse_venue, refuse_too_soon)

NATIVE: tuple[Rule, ...] = (*READING, refuse_unknown, *STATUS_NATIVE, *CLAIMANT, *BUSINESS)

# "Used up" before "disabled", because the last use sets both. Source: access codes, section 7.
ADD: tuple[Rule, ...] = (
    *(refuse_no_code, refuse_too_long, refuse_unreadable, refuse_unknown, refuse_signed_out, refuse_held),
    *(refuse_used_up, refuse_switched_off, refuse_not_yet_valid, refuse_expired, refuse_reserved),
    *CLAIMANT,
    *BUSINESS,
)

# Nobody claims what has happened, so owner, caps and waits of claimants play no part. Source: redemption advice, section 6.
REPORTED: tuple[Rule, ...] = (
    *(refuse_unreadable_report, refuse_unreadable, refuse_unknown),
    *STATUS_NATIVE,
    *(refuse_over_batch_cap, refuse_venue),
)

# Whoever comes has been identified, and hears nothing of a code that is not for them. Source: prepaid engine, section 6.
PREPAID: tuple[Rule, ...] = (
    *READING,
    refuse_claimant,
    *(refuse_unknown, refuse_other_than_money, refuse_other_owner),
    *(refuse_expired, refuse_switched_off, refuse_not_yet_valid, refuse_used_up, refuse_reserved),
    *BUSINESS,
    refuse_account,
)

# Each door names its order; the foreign protocols add theirs here when they come.
ORDER_BY_DOOR: dict[str, tuple[Rule, ...]] = {
    "api": NATIVE,
    "page": NATIVE,
    BROWSER_DOOR: ADD,
    REPORTED_DOOR: REPORTED,
    PREPAID_DOOR: PREPAID,
}
