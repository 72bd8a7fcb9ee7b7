"""A site with one claimant, and browsers that look at it: one of a stranger, one of the claimant."""

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from accounts.models import Site, User
from tests.factories import make_claimant, make_site

HOST = "demo.localhost"
BACKEND = "accounts.signing_in.EmailBackend"


def browser_of(user: User | None = None, host: str = HOST, **options: object) -> Client:
    """A browser at that host, in which ``user`` is signed in; English unless its headers say otherwise."""
    browser = Client(SERVER_NAME=host, headers={"Accept-Language": "en-GB,en;q=0.9"}, **options)
    if user is not None:
        browser.force_login(user, BACKEND)
    return browser


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
    """Everything that the log would show, down to DEBUG, through the filter that every line passes."""
    root = logging.getLogger()
    formatter = next(handler.formatter for handler in root.handlers if handler.get_name() == "console")
    lines, level = io.StringIO(), root.level
    handler = logging.StreamHandler(lines)
    handler.setFormatter(formatter)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)
