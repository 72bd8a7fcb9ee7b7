"""What every page has in common: who looks at it, in which language, and that nobody keeps a copy of it."""

import datetime as dt
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils import translation
from django.views import View

from accounts import clock
from accounts.access import Reader
from accounts.models import BrowserLogin, Site, User
from redemption_site.edge.hosts import require_site
from redemption_site.pages.browsers import browser_of
from redemption_site.pages.languages import language_of


class Page(View):
    """A page of the site whose host was asked.

    ``claimant`` is who is signed in there, ``browser`` the login that holds session licences; either may be None.
    """

    place = ""  # Which entry of the navigation is this one.
    site: Site
    claimant: User | None
    browser: BrowserLogin | None

    @cached_property
    def now(self) -> dt.datetime:
        """The database's instant at which the page was first interested in it."""
        return clock.read()

    @property
    def reader(self) -> Reader:
        """Who wants to read here: the claimant, this browser, both or neither."""
        return Reader(
            self.site.pk,
            user_id=self.claimant.pk if self.claimant else None,
            browser_id=self.browser.pk if self.browser else None,
        )

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.site = require_site(request)
        self.claimant = claimant_of(request, self.site)
        self.browser = browser_of(request, self.site)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        translation.activate(language_of(request, self.site, self.claimant))
        response = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        # The origin alone, never the path. Not "no-referrer": browsers then send forms with "Origin: null", and the
        # protection against forged requests refuses those.
        response["Referrer-Policy"] = "strict-origin"
        return response

    def render(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """The page made of this template."""
        shared = {
            "site": self.site,
            "claimant": self.claimant,
            "browser": self.browser,
            "place": self.place,
            "here": self.here(),
        }
        return render(self.request, template, {**shared, **(context or {})}, status=status)

    def here(self) -> str:
        """Where the language switch comes back to."""
        return self.request.path

    def go(self, to: str, *args: Any) -> HttpResponseRedirect:
        """Answer with another page's address, to be fetched with GET."""
        return HttpResponseRedirect(resolve_url(to, *args), status=303)


def claimant_of(request: HttpRequest, site: Site) -> User | None:
    """Who is signed in, if they belong to this site: everybody else counts as a stranger here, staff included."""
    user = request.user
    return user if isinstance(user, User) and user.is_active and user.site_id == site.pk else None
