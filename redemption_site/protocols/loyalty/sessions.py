"""Starting a session for a member, and ending it. Source: ad hoc redemption, section 4."""

from typing import Any

from django.http import HttpResponse

from accounts import loyalty_sessions, loyalty_settings, members
from accounts.models import IdentifierType, LoyaltySession
from ledger import points
from redemption_site.edge.parsing import is_plain
from redemption_site.edge.rendering import json_response
from redemption_site.protocols.loyalty import answers, errors, wire
from redemption_site.protocols.loyalty.calling import SESSION_ERRORS, Asked, find_session
from redemption_site.protocols.loyalty.errors import Refused


def start(asked: Asked, who: str) -> HttpResponse:
    """A session for the member whom the identifier fits, and what they have."""
    settings = loyalty_settings.settings_of(asked.site)
    identifier_type = wire.read_identifier_type(asked.request, settings.default_identifier_type)
    if identifier_type not in IdentifierType.values or identifier_type not in asked.client.identifier_types:
        raise Refused(errors.IDENTIFIER_TYPE_INVALID)
    if len(who) > wire.LONGEST_IDENTIFIER:
        raise Refused(errors.TOO_LONG, field="identifier")
    new = wire.read_session(asked.body)
    member = members.find_member(asked.site, identifier_type, who, asked.client) if is_plain(who) else None
    if member is None:
        raise Refused(errors.ACCOUNT_NOT_FOUND)
    channel = settings.default_channel if new.channel is None else new.channel
    try:
        session = loyalty_sessions.start(
            asked.client, asked.site, member, identifier_type, new.correlation_id, channel, new.agent_session
        )
    except loyalty_sessions.SessionUnavailable as error:
        raise Refused(SESSION_ERRORS[type(error)]) from error
    return json_response(written(session))


def written(session: LoyaltySession) -> dict[str, Any]:
    """The session and its member's points, as strings of digits. By telephone number nothing can be redeemed."""
    member = session.member
    may_redeem = session.identifier_type != IdentifierType.PHONE_NUMBER
    balances = points.balances_of(member)
    household = None
    if member.household is not None:
        together = points.household_balance(member.household.pk)
        household = {
            "householdId": member.household.household_id,
            "role": member.role.upper(),
            "redeemableBalance": str(together.available if may_redeem else 0),
        }
    return {
        "accountId": member.account_id,
        "loyaltyId": member.loyalty_id,
        "correlationId": session.correlation_id,
        "channel": session.channel,
        "status": member.status.upper(),
        "pointBalance": str(balances.balance),
        "redeemableBalance": str(balances.available if may_redeem else 0),
        "household": household,
    }


def end(asked: Asked, who: str) -> HttpResponse:
    """Its reservations stay."""
    find_session(asked, who)
    try:
        session = loyalty_sessions.end(asked.client, asked.site, who)
    except loyalty_sessions.SessionUnavailable as error:
        raise Refused(SESSION_ERRORS[type(error)]) from error
    return answers.session_ended(session.correlation_id)
