"""Access tokens of the loyalty protocol: issuing one, finding the client behind one, sweeping those that are over.

OAuth 2.0 client credentials; the client is verified before, by its prefix and secret. Source: loyalty protocol, section 2.
"""

import datetime as dt
import re
import secrets

from accounts import client_keys, clock, digests
from accounts.models import AccessToken, Client
from accounts.refusals import Unauthenticated
from accounts.remembering import Remembered

SECONDS = 3_600
FORM = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def digest_of(token: str) -> bytes:
    return digests.keyed("access token", token, size=32)


def issue(client: Client, now: dt.datetime) -> tuple[str, int]:
    """A fresh token of 256 random bits, to be told once and never stored, and for how many seconds it lasts."""
    token = secrets.token_urlsafe(32)
    AccessToken.objects.create(
        client=client, digest=digest_of(token), expires_at=now + dt.timedelta(seconds=SECONDS), created_at=now
    )
    return token, SECONDS


def verify(token: str) -> Client:
    """The client, with its site, whose token this is. Raises Unauthenticated where token, client or scope have ended."""
    found = (
        AccessToken.objects.filter(digest=digest_of(token), expires_at__gt=clock.read())
        .select_related("client__site")
        .first()
    )
    if found is None or Client.Scope.POINTS not in found.client.scopes:
        raise Unauthenticated
    client_keys.admit(found.client)
    return found.client


remembered: Remembered[Client] = Remembered("remembered access token")


def find_client(token: str) -> Client | None:
    """The client whose token this is; None for anything else. Dead within 5 s of the client's end, as its key is."""
    if not FORM.fullmatch(token):
        return None  # Nothing of ours, so no database is asked about it.
    try:
        return remembered.find(verify, token)
    except Unauthenticated:
        return None
