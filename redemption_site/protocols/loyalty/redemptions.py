"""Redeeming what is reserved, and voiding it: the checks in the contract's order. Source: ad hoc redemption, sections 8 and 9."""

from django.http import HttpResponse

from accounts.models import Member
from ledger import points
from redemption_site.protocols.loyalty import answers, errors, wire
from redemption_site.protocols.loyalty.calling import Asked, find_session
from redemption_site.protocols.loyalty.errors import Refused
from redemption_site.protocols.loyalty.reservations import (
    read_business_unit,
    read_settings,
    read_token,
    refuse_by_telephone,
)

LONGEST_TRANSACTION_ID = 100


def redeem(asked: Asked, who: str) -> HttpResponse:
    """Take the points that the reservation holds, from everybody who gives some."""
    session = find_session(asked, who)
    read_settings(asked, errors.FEATURE_OFF)
    body = asked.body
    if wire.is_empty(body.get("businessUnit")):
        raise Refused(errors.BUSINESS_UNIT_MISSING)
    business_unit = read_business_unit(asked)
    if wire.is_empty(body.get("reservationToken")):
        raise Refused(errors.TOKEN_MISSING)
    said = wire.read_said(body)
    if session.member.status == Member.Status.CLOSED:
        raise Refused(errors.ACCOUNT_NOT_FOUND)
    refuse_by_telephone(session)
    spending = points.redeem_points(
        points.RedeemPoints(
            member=session.member,
            caller=asked.caller,
            token=read_token(body["reservationToken"]),
            business_unit=business_unit,
            channel=said.channel or session.channel,
            external_reference=said.external_reference,
            correlation_id=session.correlation_id,
        )
    )
    return answers.done(str(spending.transaction_id), answers.REDEEMED)


def void(asked: Asked, who: str) -> HttpResponse:
    """Give every contributor back exactly what they gave."""
    session = find_session(asked, who)
    settings = read_settings(asked, errors.FEATURE_OFF)
    if not settings.voids_enabled:
        raise Refused(errors.VOIDS_OFF)
    original = asked.body.get("originalTransactionId")
    if wire.is_empty(original):
        raise Refused(errors.ORIGINAL_MISSING)
    said = wire.read_said(asked.body)
    if not isinstance(original, str) or len(original) > LONGEST_TRANSACTION_ID:
        raise Refused(errors.ORIGINAL_NOT_FOUND)
    voided = points.void_spending(
        session.member,
        original,
        caller=asked.caller,
        adjustment_days=settings.adjustment_days,
        channel=said.channel or session.channel,
        external_reference=said.external_reference,
        correlation_id=session.correlation_id,
    )
    return answers.done(str(voided.pk), answers.VOIDED)
