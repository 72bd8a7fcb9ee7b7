"""Links that wait in the session while their reader signs in: the code sealed, under a name that tells nothing of it."""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from django.http import HttpRequest

from accounts import clock
from accounts.models import Site
from codes import keys
from redemption_site.pages.waiting import LONGEST_WAIT

NAME = "waiting_links"
MOST = 5  # One for each window that a person may have open.


@dataclass(frozen=True, slots=True)
class Link:
    """What a link to ``/add`` asks for. ``name`` is its own in the session, or empty if it does not wait there."""

    code: str
    success_url: str
    name: str = ""


def keep(request: HttpRequest, site: Site, link: Link) -> str:
    """Let the link wait; answers its name. The same link waits once, and the oldest of too many is forgotten."""
    waiting = read(request)
    name = next((each for each in waiting if look(request, site, each) == Link(link.code, link.success_url, each)), "")
    name = name or secrets.token_urlsafe(16)
    version, sealed = keys.seal(site.pk, json.dumps([link.code, link.success_url]))
    waiting.pop(name, None)
    waiting[name] = [version, base64.b64encode(sealed).decode(), clock.read().timestamp(), False]
    request.session[NAME] = dict(list(waiting.items())[-MOST:])
    return name


def look(request: HttpRequest, site: Site, name: str) -> Link | None:
    """The link of that name, which goes on waiting; None if there is none, or it has waited for too long."""
    match read(request).get(name):
        case [int(version), str(sealed), float(since), bool()]:
            if clock.read().timestamp() - since <= LONGEST_WAIT.total_seconds():
                try:
                    code, success_url = json.loads(keys.unseal(site.pk, version, base64.b64decode(sealed)))
                except (InvalidTag, KeyError):  # Another site's, or its key has been changed meanwhile.
                    return None
                return Link(code, success_url, name)
    return None


def signed_in(request: HttpRequest, name: str) -> None:
    """Its reader has just signed in from this very link: it is sent once without being asked again."""
    waiting = read(request)
    if name in waiting:
        waiting[name][3] = True
        request.session[NAME] = waiting


def may_send(request: HttpRequest, name: str) -> bool:
    """Whether the link is to be sent by itself now; that it may, it may once."""
    waiting = read(request)
    if name not in waiting or not waiting[name][3]:
        return False
    waiting[name][3] = False
    request.session[NAME] = waiting
    return True


def forget(request: HttpRequest, name: str) -> None:
    """The link is done with."""
    waiting = read(request)
    if waiting.pop(name, None) is not None:
        request.session[NAME] = waiting


def read(request: HttpRequest) -> dict[str, Any]:
    return dict(request.session.get(NAME) or {})
