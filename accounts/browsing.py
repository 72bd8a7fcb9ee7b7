"""Browser logins: a browser that holds session licences, known by a token that only its cookie carries.

One begins when a session code is redeemed and ends after 30 minutes in which nothing came from the browser, by the
database's clock. Whether somebody signs in or out in the browser makes no difference to it.
Source: access codes, section 4 (browser login).
"""

import datetime as dt
import secrets

from accounts import digests
from accounts.models import BrowserLogin, Site

INACTIVITY = dt.timedelta(minutes=30)
TOUCH_EVERY = dt.timedelta(minutes=1)  # A reader who turns pages must not write a row at each of them.


def begin(site: Site, now: dt.datetime, seed: str = "") -> tuple[BrowserLogin, str]:
    """A browser login of the site and the token that its cookie is to carry.

    The same ``seed``, a secret of the browser's own, is the same login while that lasts: a form sent twice begins one.
    """
    token = digests.keyed("browser seed", str(site.pk), seed, size=32).hex() if seed else secrets.token_hex(32)
    browser, begun = BrowserLogin.objects.get_or_create(
        token_digest=digest_of(token), defaults={"site": site, "created_at": now, "last_seen_at": now}
    )
    if not begun and (has_ended(browser, now) or browser.site_id != site.pk):
        return begin(site, now)
    return browser, token


def find(site: Site, token: str, now: dt.datetime) -> BrowserLogin | None:
    """The site's browser login of this token, if it has not ended."""
    browser = BrowserLogin.objects.filter(token_digest=digest_of(token), site=site).first()
    return None if browser is None or has_ended(browser, now) else browser


def touch(browser: BrowserLogin, now: dt.datetime) -> None:
    """Something came from the browser: it lasts for another 30 minutes. Written once a minute at most.

    One that has ended in the meantime stays ended.
    """
    if now - browser.last_seen_at < TOUCH_EVERY:
        return
    living = BrowserLogin.objects.filter(pk=browser.pk, last_seen_at__gt=now - INACTIVITY, last_seen_at__lt=now)
    if living.update(last_seen_at=now):
        browser.last_seen_at = now


def has_ended(browser: BrowserLogin, now: dt.datetime) -> bool:
    return now - browser.last_seen_at >= INACTIVITY


def digest_of(token: str) -> bytes:
    """What is stored: whoever reads the database cannot become the browser."""
    return digests.keyed("browser login", token)
