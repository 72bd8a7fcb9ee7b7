"""Which language a page speaks, and the switch."""

import pytest
from django.conf import settings

from tests.pages.conftest import browser_of


def language(browser, accept=None) -> str:
    headers = {} if accept is None else {"Accept-Language": accept}
    page = browser.get("/redeem", headers=headers).content.decode()
    return page.split('<html lang="')[1][:2]


@pytest.mark.parametrize(
    ("accept", "spoken"),
    [
        ("de-AT,de;q=0.8", "de"),
        ("en-US", "en"),
        ("fr,de;q=0.5", "de"),
        ("fr", "it's the site's"),
        ("", "it's the site's"),
    ],
)
@pytest.mark.parametrize("of_site", ["de", "en"])
def test_the_browsers_language_and_else_the_sites(accept, spoken, of_site, demo_site):
    type(demo_site).objects.update(language=of_site)
    demo_site.refresh_from_db()
    demo_site.save()

    assert language(browser_of(), accept) == (spoken if len(spoken) == 2 else of_site)


def test_a_site_in_a_language_we_do_not_speak_is_english(demo_site):
    demo_site.language = "fr"
    demo_site.save()

    assert language(browser_of(), "") == "en"


def test_the_switch_outlasts_the_browsers_wish_and_comes_back_to_the_page(stranger):
    response = stranger.post("/language", {"language": "de", "next": "/sign-in"})

    assert (response.status_code, response["Location"]) == (302, "/sign-in")
    assert stranger.cookies[settings.LANGUAGE_COOKIE_NAME].value == "de"
    assert language(stranger, "en") == "de"


def test_the_switch_also_chooses_the_language_of_a_claimants_mails(annas, anna):
    annas.post("/language", {"language": "de", "next": "/redeem"})

    anna.refresh_from_db()
    assert anna.language == "de"
    assert language(browser_of(anna), "en") == "de"


@pytest.mark.parametrize("chosen", ["fr", "", "x" * 5_000, "\x00"])
def test_a_language_that_is_not_there_changes_nothing(chosen, annas, anna):
    assert annas.post("/language", {"language": chosen, "next": "/redeem"}).status_code == 302

    anna.refresh_from_db()
    assert anna.language == ""
    assert language(annas, "en") == "en"


@pytest.mark.parametrize("address", ["https://evil.test/", "//evil.test", "/\\evil.test"])
def test_the_switch_leads_nowhere_else(address, stranger):
    location = stranger.post("/language", {"language": "de", "next": address})["Location"]

    assert "evil" not in location


def test_the_switch_at_the_sign_in_remembers_where_one_was_going(stranger):
    page = stranger.get("/sign-in", {"next": "/receipts"}).content.decode()

    assert 'name="next" value="/sign-in?next=%2Freceipts"' in page


def test_the_switch_on_a_links_page_names_no_code(stranger):
    page = stranger.get(f"/redeem/{'A' * 101}").content.decode()

    assert 'name="next" value="/redeem"' in page


def test_looking_at_the_switch_changes_nothing(stranger):
    assert stranger.get("/language?language=de").status_code == 405
