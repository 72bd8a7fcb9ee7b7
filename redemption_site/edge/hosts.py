"""Which host names are answered, and whose site a page belongs to.

The host decides about pages only: the API's site comes from the credential.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db.models.signals import post_delete, post_save
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.utils.functional import SimpleLazyObject

from accounts.models import Site
from redemption_site.edge.addresses import network_of
from redemption_site.edge.failures import (
    is_engine,
    is_loyalty,
    is_till,
    told_to_engine,
    told_to_loyalty,
    told_to_till,
)

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
REMEMBER_SECONDS = 5.0


@dataclass
class Directory:
    """The sites by domain, read again when they are five seconds old. Sites are few; one statement reads them all."""

    by_domain: dict[str, Site] = field(default_factory=dict)
    read_at: float = float("-inf")

    def find(self, host: str) -> Site | None:
        """The host's site; for an unknown host the only site, else the one that DEFAULT_SITE names, else none."""
        now = time.monotonic()
        if now - self.read_at >= REMEMBER_SECONDS:
            self.by_domain = {site.domain.lower(): site for site in Site.objects.all()}
            self.read_at = now
        sites = self.by_domain
        if host in sites:
            return sites[host]
        if len(sites) == 1:
            return next(iter(sites.values()))
        return next((site for site in sites.values() if site.slug == settings.DEFAULT_SITE), None)

    def forget(self) -> None:
        """Read again at the next question."""
        self.read_at = float("-inf")


directory = Directory()


class SiteMiddleware:
    """Refuses names we do not answer to, and gives every request its ``site``, looked up only if somebody asks.

    ``request.site`` is a Site, or false where the host is nobody's: pages then say ``require_site`` and answer 404.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            name = name_of(request)
        except DisallowedHost:
            return refused(request, "The Host header of this request is not a host name.")
        if not settings.PRODUCTION and not is_local(name):
            return refused(
                request,
                "This is a demonstration: it answers to localhost, names ending in .localhost and 127.0.0.1 only. "
                "To serve other names, run it with MODE=production.",
            )
        request.site = SimpleLazyObject(lambda: directory.find(name))  # type: ignore[assignment]
        # The lock-out of sign-ins counts by it: behind a proxy every REMOTE_ADDR is the same.
        request.network = network_of(request)  # type: ignore[attr-defined]
        return self.get_response(request)


def name_of(request: HttpRequest) -> str:
    """The host's name in lower case, without port and final dot. Raises DisallowedHost on a malformed one."""
    name, _ = split_domain_port(request.get_host())
    return name.rstrip(".")


def is_local(name: str) -> bool:
    """Whether the demo answers to this name. Django's test client says "testserver", and only tests allow that."""
    return name in LOOPBACK_NAMES or name.endswith(".localhost") or name in settings.ALLOWED_HOSTS


def require_site(request: HttpRequest) -> Site:
    """The site of the page's host. Raises Http404 where the host is nobody's."""
    site: Site | None = request.site  # type: ignore[assignment]
    if not site:
        raise Http404("No site has this host name.")
    return site


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    if is_till(request):
        return told_to_till(400, "invalid_request", sentence)
    if is_engine(request):
        return told_to_engine(400, sentence)
    if is_loyalty(request):
        return told_to_loyalty(400, sentence)
    return HttpResponse(sentence + "\n", status=400, content_type="text/plain; charset=utf-8")


def forget_sites(**_: object) -> None:
    directory.forget()


# This process sees its own changes at once, the others within five seconds.
post_save.connect(forget_sites, sender=Site)
post_delete.connect(forget_sites, sender=Site)
