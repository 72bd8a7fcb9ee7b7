"""The browser that other tests drive is a real one, in the language they ask for."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from accounts.models import Heartbeat
from tests.committed import CommittedDatabase

pytestmark = pytest.mark.browser


def test_a_page_is_opened_in_english(browser_page: Page) -> None:
    assert browser_page.evaluate("navigator.language") == "en-GB"


@pytest.mark.parametrize("browser_page", ["de-DE"], indirect=True)
def test_a_page_is_opened_in_another_language(browser_page: Page) -> None:
    assert browser_page.evaluate("navigator.language") == "de-DE"


def test_a_page_can_do_without_scripts(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)

    page.set_content("<p id=seen>markup</p><script>document.getElementById('seen').textContent = 'script'</script>")

    assert page.text_content("#seen") == "markup"


def test_the_test_may_look_into_the_database_meanwhile(browser_page: Page, committed_db: CommittedDatabase) -> None:
    assert not Heartbeat.objects.exists()
