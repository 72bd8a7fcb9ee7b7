"""Sessions of the loyalty protocol: starting one, being called in one, ending one. Source: loyalty protocol, sections 3 and 4.

A session belongs to a client and a member of one site. It ends 24 hours (the site's settings) after its last call, by the
database's clock, or when it is closed; neither cancels its reservations.
"""

from accounts.models import Client, LoyaltySession, Member, Site

HOURS = 24  # On a site without settings.


class SessionUnavailable(Exception):
    """No call can be made in this session: the four ways below."""


class CorrelationIdInUse(SessionUnavailable):
    """Another session of the site has, or had, this correlation ID."""


class SessionUnknown(SessionUnavailable):
    """The site has no session of this correlation ID."""


class SessionClosed(SessionUnavailable):
    """It was ended, or no call came for too long."""


class SessionOfAnother(SessionUnavailable):
    """Another client of the site started it."""


def start(
    client: Client,
    site: Site,
    member: Member,
    identifier_type: str,
    correlation_id: str,
    channel: str,
    agent_session: str = "",
) -> LoyaltySession:
    """A session for the member; while it is open, the same ID again by the same client for the same member and type is the same.

    Texts have been checked by the door. Raises CorrelationIdInUse.
    """
    raise NotImplementedError


def touch(client: Client, site: Site, correlation_id: str) -> LoyaltySession:
    """The open session with its member, their user and household, read fresh; its 24 hours begin anew. One statement of its own.

    A call that is refused later keeps the session alive all the same. Raises SessionUnknown, SessionClosed, SessionOfAnother.
    """
    raise NotImplementedError


def end(client: Client, site: Site, correlation_id: str) -> LoyaltySession:
    """Close it for good; its reservations stay. Raises SessionUnknown, SessionClosed, SessionOfAnother."""
    raise NotImplementedError
