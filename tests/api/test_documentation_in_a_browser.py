"""Swagger UI in a real browser: it works offline, within its policy, and a request can be tried from it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.processes import Platform

pytestmark = pytest.mark.browser


def test_the_documentation_is_shown_without_any_other_server(platform: Platform, open_page: Callable[..., Page]):
    address = platform.web(workers=1).base_url
    page = open_page()
    elsewhere: list[str] = []
    complaints: list[str] = []

    def watch(route: Route) -> None:
        if route.request.url.startswith((address, "data:")):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    page.route("**/*", watch)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/api/docs/")

    expect(page.get_by_text("Redeem a code for a claimant")).to_be_visible()
    page.get_by_text("Redeem a code for a claimant").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.get_by_role("cell", name="401").first).to_be_visible()

    assert elsewhere == []
    # The browser itself notes the 401; nothing else went wrong, the policy least of all.
    assert [complaint for complaint in complaints if "401" not in complaint] == []
