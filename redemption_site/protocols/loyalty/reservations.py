"""Reserving points, reducing and cancelling that, checked in the contract's order. Source: ad hoc redemption, section 5."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpResponse

from accounts import loyalty_settings
from accounts.models import IdentifierType, LoyaltySession, LoyaltySettings, Member
from ledger import points
from redemption_site.protocols.loyalty import answers, errors, wire
from redemption_site.protocols.loyalty.calling import Asked, find_session
from redemption_site.protocols.loyalty.errors import Error, Refused

FULFILLED = frozenset({"STATEMENT_CREDIT", "DIRECT_DEPOSIT"})  # By e-mail, to an address of the account's book.
LONGEST_TOKEN = 100


def reserve(asked: Asked, who: str) -> HttpResponse:
    """Set points aside for 15 minutes, or as long as the site says."""
    session = find_session(asked, who)
    settings = read_settings(asked, errors.FEATURE_OFF)
    refuse_by_telephone(session)
    if session.member.status != Member.Status.ACTIVE:
        raise Refused(errors.NOT_ELIGIBLE)
    body = asked.body
    business_unit = None if wire.is_empty(body.get("businessUnit")) else read_business_unit(asked)
    wanted = read_wanted(asked, digits=True)
    redeemer_id = read_redeemer(asked, session.member)
    redemption_id = wire.read_text(body, "redemptionId", wire.LONGEST_REDEMPTION_ID)
    email_key, warnings = read_email_key(asked, session.member, redemption_id)
    reserved = points.reserve_points(
        points.ReservePoints(
            member=session.member,
            caller=asked.caller,
            amount=wanted.amount,
            contributions=wire.read_contributions(body),
            seconds=settings.reservation_seconds,
            details=said(
                businessUnit=business_unit,
                redemptionId=redemption_id,
                redeemerId=redeemer_id,
                catalogueItems=wanted.items,
                fulfillmentEmailKey=email_key,
            ),
        )
    )
    return answers.reserved(reserved.token, reserved.amount, reserved.expires_at, session.correlation_id, warnings)


def reduce(asked: Asked, who: str, token: str) -> HttpResponse:
    """Give part of it back; the time it lasts stays. The same amount again changes nothing."""
    session = find_session(asked, who)
    read_settings(asked, errors.FEATURE_OFF)
    refuse_by_telephone(session)
    wanted = read_wanted(asked, digits=False)
    body = asked.body
    names_items = bool(wanted.items)
    if wire.is_empty(body.get("redeemerId")) and (names_items or not wire.is_empty(body.get("redemptionId"))):
        raise Refused(errors.REDEEMER_MISSING)
    read_redeemer(asked, session.member)
    if names_items and wire.is_empty(body.get("redemptionId")):
        raise Refused(errors.REDEMPTION_ID_MISSING)
    wire.read_text(body, "redemptionId", wire.LONGEST_REDEMPTION_ID)
    reduced = points.reduce_points(session.member, read_token(token), wanted.amount, caller=asked.caller)
    return answers.reserved(token, reduced.amount, reduced.expires_at, session.correlation_id, [])


def cancel(asked: Asked, who: str, token: str) -> HttpResponse:
    """Give it all back."""
    session = find_session(asked, who)
    read_settings(asked, errors.FEATURE_OFF_IN_CANCEL)
    points.cancel_points(session.member, read_token(token), caller=asked.caller)
    return answers.cancelled(token, session.correlation_id)


def read_settings(asked: Asked, if_off: Error) -> LoyaltySettings:
    """The site's settings. Raises Refused where the feature is switched off."""
    settings = loyalty_settings.settings_of(asked.site)
    if not settings.is_enabled:
        raise Refused(if_off)
    return settings


def refuse_by_telephone(session: LoyaltySession) -> None:
    if session.identifier_type == IdentifierType.PHONE_NUMBER:
        raise Refused(errors.NOT_ELIGIBLE)


def read_business_unit(asked: Asked) -> str:
    """Compared byte by byte. Raises Refused."""
    given = asked.body.get("businessUnit")
    if not isinstance(given, str) or not loyalty_settings.is_business_unit(asked.site, given):
        raise Refused(errors.BUSINESS_UNIT_INVALID, businessUnit=answers.shown(given))
    return given


def read_token(given: Any) -> str:
    """Raises Refused on what cannot be one."""
    if not isinstance(given, str) or len(given) > LONGEST_TOKEN:
        raise Refused(errors.RESERVATION_NOT_FOUND)
    return given


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many points, and for which items, as they were said."""

    amount: int
    items: list[dict[str, Any]]


def read_wanted(asked: Asked, *, digits: bool) -> Wanted:
    """The amount, if one is said, else what the items cost together. Raises Refused."""
    given = asked.body.get("reservationAmount")
    items = wire.read_items(asked.body)
    if given is None and not items:
        raise Refused(errors.AMOUNT_MISSING)
    amount = None if given is None else wire.read_amount(given, digits=digits)
    cost, named = 0, []
    found = loyalty_settings.find_items(asked.site, [item.id for item in items if item.is_text]) if items else {}
    for item in items:
        if not item.is_text or item.id not in found:
            raise Refused(errors.ITEM_INVALID, id=item.id)
        if item.quantity is None:
            raise Refused(errors.QUANTITY_INVALID)
        cost += found[item.id].points * item.quantity
        named.append({"id": item.id, "quantity": item.quantity})
    return Wanted(wire.read_amount(cost) if amount is None else amount, named)


def read_redeemer(asked: Asked, member: Member) -> str | None:
    """An ID of the session's account or of one of its household; only recorded. Raises Refused."""
    given = asked.body.get("redeemerId")
    if given is None:
        return None
    family = Q(pk=member.pk) if member.household_id is None else Q(household_id=member.household_id)
    if (
        not isinstance(given, str)
        or not Member.objects.filter(family, Q(account_id=given) | Q(loyalty_id=given)).exists()
    ):
        raise Refused(errors.REDEEMER_INVALID)
    return given


def read_email_key(asked: Asked, member: Member, redemption_id: str) -> tuple[str | None, list[str]]:
    """The key, where the redemption needs one, and a warning where one is given that it does not need. Raises Refused."""
    given = asked.body.get("fulfillmentEmailKey")
    if redemption_id not in FULFILLED:
        return None, [] if given is None else [answers.KEY_NOT_USED]
    if wire.is_empty(given):
        raise Refused(errors.EMAIL_KEY_MISSING)
    if not isinstance(given, str) or not member.emails.filter(key=given).exists():
        raise Refused(errors.EMAIL_KEY_INVALID)
    return given, []


def said(**details: Any) -> dict[str, Any]:
    return {name: each for name, each in details.items() if each}
