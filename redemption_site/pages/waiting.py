"""A code that waits in the session while its owner signs in: sealed, so that no copy of the session shows it."""

import base64
import datetime as dt

from cryptography.exceptions import InvalidTag
from django.http import HttpRequest

from accounts import clock
from accounts.models import Site
from codes import keys

NAME = "waiting_code"
LONGEST_WAIT = dt.timedelta(minutes=30)  # On a shared computer the next person must not find it.


def keep(request: HttpRequest, site: Site, typed: str) -> None:
    """Let this code wait; one that waited before is forgotten."""
    version, sealed = keys.seal(site.pk, typed)
    request.session[NAME] = [version, base64.b64encode(sealed).decode(), clock.read().timestamp()]


def look(request: HttpRequest, site: Site) -> str | None:
    """The waiting code, which goes on waiting; None if there is none, or it has waited for too long."""
    match request.session.get(NAME):
        case [int(version), str(sealed), float(since)]:
            if clock.read().timestamp() - since > LONGEST_WAIT.total_seconds():
                forget(request)
                return None
            try:
                return keys.unseal(site.pk, version, base64.b64decode(sealed))
            except (InvalidTag, KeyError):  # The key has been changed meanwhile: the code must be typed again.
                forget(request)
    return None


def forget(request: HttpRequest) -> None:
    request.session.pop(NAME, None)
