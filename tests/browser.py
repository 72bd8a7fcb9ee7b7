"""A real Chromium for the tests that are marked ``browser``."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, expect, sync_playwright

from deploy.local import chromium

# As root Chromium needs --no-sandbox; the others keep it from calling home, which no test machine may.
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
PATIENCE_MS = 15_000


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A running Chromium; without one the test fails, for a skipped test proves nothing."""
    program = chromium.find()
    if program is None:
        pytest.fail("There is no Chromium on this machine: install the package chromium, or set CHROMIUM to its path.")
    # Playwright runs an event loop in this thread, and Django would take every query for one made inside it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    # A loop's connections are kept apart from the usual ones: one left by an earlier test leads to a dropped database.
    connections.close_all()
    expect.set_options(timeout=PATIENCE_MS)  # What is expected ends a wait at once; the limit is for a busy machine.
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(program), args=ARGUMENTS)
        try:
            yield running
        finally:
            running.close()
            # While the loop runs Django keeps connections apart from the usual ones; nobody can close them later.
            connections.close_all()


@pytest.fixture
def open_page(browser: Browser) -> Callable[..., Page]:
    """Open a page in a window of its own; words are Playwright's: ``locale``, ``viewport``, ``java_script_enabled``."""

    def open_one(**options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    return open_one


@pytest.fixture
def browser_page(request: pytest.FixtureRequest, open_page: Callable[..., Page]) -> Page:
    """A page in English, or in the locale given by ``parametrize("browser_page", ["de-DE"], indirect=True)``."""
    return open_page(locale=getattr(request, "param", "en-GB"))
