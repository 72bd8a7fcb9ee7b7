"""Sessions of the loyalty protocol: starting one, being called in one, ending one. Source: loyalty protocol, sections 3 and 4.

A session belongs to a client and a member of one site. It ends 24 hours (the site's settings) after its last call, by the
database's clock, or when it is closed; neither cancels its reservations.
"""

import datetime as dt

from accounts import clock, database, prepared
from accounts.joined import Joined, split
from accounts.models import Client, Household, LoyaltySession, LoyaltySettings, Member, Site, User
from accounts.wording import is_text

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
    now = clock.read()
    new = LoyaltySession(
        site=site,
        correlation_id=correlation_id,
        client=client,
        member=member,
        identifier_type=identifier_type,
        channel=channel,
        external_agent_session_id=agent_session,
        created_at=now,
        last_call_at=now,
    )
    # Who comes second at the same moment gets the first one's.
    LoyaltySession.objects.bulk_create([new], ignore_conflicts=True)
    try:
        found = touch(client, site, correlation_id)
    except SessionUnavailable as error:
        raise CorrelationIdInUse from error
    if (found.member_id, found.identifier_type) != (member.pk, identifier_type):
        raise CorrelationIdInUse
    return found


def touch(client: Client, site: Site, correlation_id: str) -> LoyaltySession:
    """The open session with its member, their user and household, read fresh; its 24 hours begin anew. One statement of its own.

    A call that is refused later keeps the session alive all the same. Raises SessionUnknown, SessionClosed, SessionOfAnother.
    """
    if not is_text(correlation_id):
        raise SessionUnknown
    find = touch_at_once if database.is_postgresql() else touch_and_read
    session = find(client, site, correlation_id)
    if session is None:
        raise why_not(client, site, correlation_id)
    session.site = session.member.site = site
    session.client = client
    return session


def touch_at_once(client: Client, site: Site, correlation_id: str) -> LoyaltySession | None:
    instant, moved = clock.in_sql()
    sessions, members = Joined(LoyaltySession, "s"), Joined(Member, "m")
    users, households = Joined(User, "u"), Joined(Household, "h")
    parts = (sessions, members, users, households)
    sql = f"""WITH touched AS (
        UPDATE accounts_loyaltysession t SET last_call_at = GREATEST(t.last_call_at, {instant})
        WHERE t.site_id = %s AND t.correlation_id = %s AND t.client_id = %s AND t.closed_at IS NULL
        AND t.last_call_at > {instant} - make_interval(hours => COALESCE(
            (SELECT l.session_hours FROM accounts_loyaltysettings l WHERE l.site_id = t.site_id), {HOURS:d}))
        RETURNING t.*)
        SELECT {", ".join(part.columns for part in parts)} FROM touched s
        JOIN accounts_member m ON m.id = s.member_id JOIN accounts_user u ON u.id = m.user_id
        LEFT JOIN accounts_household h ON h.id = m.household_id"""  # noqa: S608 (our own columns)
    with prepared.cursor() as cursor:
        cursor.execute(sql, [*moved, site.pk, correlation_id, client.pk, *moved])
        values = cursor.fetchone()
    if values is None:
        return None
    session, member, user, household = split(values, *parts)
    session.member, member.user, member.household = member, user, household
    return session


def touch_and_read(client: Client, site: Site, correlation_id: str) -> LoyaltySession | None:
    """For SQLite, whose UPDATE answers columns of its own table alone."""
    now = clock.read()
    rows = LoyaltySession.objects.filter(site=site, correlation_id=correlation_id, client=client)
    if not rows.filter(closed_at=None, last_call_at__gt=now - idle_limit(site)).update(last_call_at=now):
        return None
    return rows.select_related("member__user", "member__household").get()


def why_not(client: Client, site: Site, correlation_id: str) -> SessionUnavailable:
    """A session that is over is over for everybody: only then it matters whose it is."""
    found = LoyaltySession.objects.filter(site=site, correlation_id=correlation_id).first()
    if found is None:
        return SessionUnknown()
    if found.client_id == client.pk or not is_open(found, clock.read(), idle_limit(site)):
        return SessionClosed()
    return SessionOfAnother()


def is_open(session: LoyaltySession, now: dt.datetime, limit: dt.timedelta) -> bool:
    return session.closed_at is None and now < session.last_call_at + limit


def idle_limit(site: Site) -> dt.timedelta:
    """After how long without a call the site's sessions end."""
    hours = LoyaltySettings.objects.filter(site=site).values_list("session_hours", flat=True).first()
    return dt.timedelta(hours=HOURS if hours is None else hours)


def end(client: Client, site: Site, correlation_id: str) -> LoyaltySession:
    """Close it for good; its reservations stay. Raises SessionUnknown, SessionClosed, SessionOfAnother."""
    session = touch(client, site, correlation_id)
    session.closed_at = session.last_call_at
    if not LoyaltySession.objects.filter(pk=session.pk, closed_at=None).update(closed_at=session.closed_at):
        raise SessionClosed  # By a call at the same moment.
    return session
