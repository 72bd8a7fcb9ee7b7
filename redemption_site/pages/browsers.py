"""The cookie of a browser that holds session licences. It has nothing to do with the session of who is signed in."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import browsing, clock
from accounts.models import BrowserLogin, Site

COOKIE = "browser_login"


def browser_of(request: HttpRequest, site: Site) -> BrowserLogin | None:
    """The browser's login on this site, which goes on from now; None if it has none or it has ended."""
    token = request.COOKIES.get(COOKIE, "")
    if not token:
        return None
    now = clock.read()
    browser = browsing.find(site, token, now)
    if browser is not None:
        browsing.touch(browser, now)
    return browser


def hand_token(response: HttpResponseBase, token: str) -> None:
    """Give the browser its cookie. It goes when the browser is closed; how long it is worth something the database decides."""
    response.set_cookie(COOKIE, token, path="/", secure=settings.HTTPS, httponly=True, samesite="Lax")
