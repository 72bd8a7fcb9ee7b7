"""A site with one claimant, and browsers that look at it: one of a stranger, one of the claimant."""

import io
import logging
import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Site, User
from ledger.models import LedgerAccount
from tests.factories import make_claimant, make_site

HOST = "demo.localhost"
BACKEND = "accounts.signing_in.EmailBackend"
FORM_KEY = re.compile(r'name="form_key" value="([\w-]+)"')


def browser_of(user: User | None = None, host: str = HOST, **options: object) -> Client:
    """A browser at that host, in which ``user`` is signed in; English unless its headers say otherwise."""
    browser = Client(SERVER_NAME=host, headers={"Accept-Language": "en-GB,en;q=0.9"}, **options)
    if user is not None:
        browser.force_login(user, BACKEND)
    return browser


def balance_cents(user: User) -> int | None:
    return LedgerAccount.objects.get(owner=user, kind="cash").balance


def form_key_of(response) -> str:
    return FORM_KEY.search(response.content.decode()).group(1)


def redeem(browser: Client, code: str, form_key: str | None = None):
    """Open the form and send it with this code, as a person does."""
    form_key = form_key or form_key_of(browser.get("/redeem"))
    return browser.post("/redeem", {"code": code, "form_key": form_key})


@pytest.fixture
def demo_site(db: None) -> Site:
    return make_site(slug="demo", name="Corner Café", default_asset_code="EUR", time_zone="Europe/Berlin")


@pytest.fixture
def anna(demo_site: Site) -> User:
    return make_claimant(demo_site, claimant_id="u-1001", email="anna@example.test", name="Anna")


@pytest.fixture
def stranger(demo_site: Site) -> Client:
    return browser_of()


@pytest.fixture
def annas(anna: User) -> Client:
    return browser_of(anna)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that the log shows, down to DEBUG: what the platform's own handlers write."""
    names = settings.LOGGING["handlers"]
    loggers = [logging.getLogger(), *map(logging.getLogger, settings.LOGGING["loggers"])]
    listed = (handler for logger in loggers for handler in logger.handlers if handler.get_name() in names)
    handlers = list(dict.fromkeys(listed))  # Two loggers may share one.
    assert {handler.get_name() for handler in handlers} == set(names), "There is a handler that nobody listens to."
    lines, level = io.StringIO(), loggers[0].level
    streams = [handler.setStream(lines) for handler in handlers if isinstance(handler, logging.StreamHandler)]
    loggers[0].setLevel(logging.DEBUG)
    yield lines
    loggers[0].setLevel(level)
    for handler, stream in zip(handlers, streams, strict=True):
        handler.setStream(stream)
