"""My codes: a claimant's own, whole and in words, in both languages; nobody else's, and never one that is deleted."""

import datetime as dt
import re

import pytest
from django.urls import reverse

from codes import lookup, switching
from codes.assigning import AssignCode, assign
from codes.models import Code
from codes.models.terms import UNLIMITED_USES
from redemption_site.pages import own_codes as page_of_codes
from tests.codes.conftest import stopped_clock  # noqa: F401 (a fixture)
from tests.codes.redeeming import redeem
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_site
from tests.pages.conftest import browser_of

NO_BREAK = "\u00a0"
DAY = dt.timedelta(days=1)


@pytest.fixture
def till(demo_site):
    return caller_of(make_client(demo_site, ["assign"]))


def hand(till, batch, who, key=None) -> Code:
    return assign(AssignCode(till, batch.pk, who.claimant_id, key))[0].code


def shown(browser) -> str:
    return browser.get("/codes").content.decode()


def test_a_code_that_was_handed_out_is_shown_whole_with_what_it_gives(annas, anna, demo_site, till):
    text = lookup.shown(hand(till, make_batch(demo_site, 2, worth_cents=1250), anna))

    answer = annas.get("/codes")

    page = answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    for words in (f">{text}</code>", "€12.50", "Ready", "Show as QR code", "<svg", "Copy"):
        assert words in page
    assert page.count("own-code ") == 1


def test_it_speaks_german(annas, anna, demo_site, till):
    hand(till, make_batch(demo_site, 1, worth_cents=1250), anna)
    annas.cookies["django_language"] = "de"

    page = shown(annas)

    for words in ("Meine Codes", f"12,50{NO_BREAK}€", "Bereit", "Als QR-Code zeigen", "Kopieren"):
        assert words in page


@pytest.mark.parametrize(
    ("fields", "gives"),
    [
        ({"action": "add_tags", "parameters": {"tags": ["gold", "member"]}}, "Unlocks: gold, member"),
        ({"action": "fulfilment", "parameters": {"item": "A <b>coffee</b>"}}, "A &lt;b&gt;coffee&lt;/b&gt;"),
    ],
)
def test_what_it_gives_is_said_in_words(annas, anna, demo_site, fields, gives):
    make_code(demo_site, "WORD-01", worth_cents=0, owner=anna, **fields)

    assert gives in shown(annas)


def test_each_standing_is_said(annas, anna, demo_site, till, stopped_clock):  # noqa: F811
    now = stopped_clock.now
    codes = {
        name: make_code(demo_site, f"CODE-{name}", owner=anna, name=name)
        for name in ("READY", "USED", "LATER", "OVER", "OFF", "BATCH")
    }
    redeem(anna, "CODE-USED")
    switching.change_code(codes["LATER"], valid_from=now + DAY, valid_until=now + 2 * DAY, actor_id="boss")
    switching.change_code(codes["OVER"], valid_until=now - DAY, actor_id="boss")
    switching.switch_code(codes["OFF"], False, actor_id="boss")
    switching.switch_batch(codes["BATCH"].batch, False, actor_id="boss")

    parts = shown(annas).split("<li ")[1:]
    said = {re.search(r"CODE-(\w+)", part)[1]: re.search(r'class="standing">([^<]*)', part)[1] for part in parts}

    assert said == {
        "READY": "Ready",
        "USED": "Used on 21 November 2026, 13:00 CET",
        "LATER": "Not valid yet",
        "OVER": "Expired",
        "OFF": "Not available",
        "BATCH": "Not available",
    }
    later = next(part for part in parts if "CODE-LATER" in part)
    assert "From 22 November 2026, 13:00 CET" in later
    assert "Until 23 November 2026, 13:00 CET" in later
    assert {name for name in said for part in parts if f"CODE-{name}" in part and "<svg" in part} == {"READY", "LATER"}


def test_uses_that_are_left_are_told_and_no_number_where_there_is_no_limit(annas, anna, demo_site):
    make_code(demo_site, "MANY-01", worth_cents=0, uses=3, uses_per_claimant=3, owner=anna)
    make_code(demo_site, "BURGER", worth_cents=0, uses=UNLIMITED_USES, uses_per_claimant=9, owner=anna)

    page = shown(annas)

    assert page.count("Uses left") == 1
    assert "Uses left: 3" in page
    assert "2147483" not in page
    assert "2,147" not in page


def test_what_was_handed_out_last_comes_first_and_goes_over_pages(annas, anna, demo_site, till, monkeypatch):
    monkeypatch.setattr(page_of_codes, "CODES_A_PAGE", 2)
    make_code(demo_site, "BOUND-01", owner=anna)
    batch = make_batch(demo_site, 2, worth_cents=100)
    handed = [lookup.shown(hand(till, batch, anna, key)) for key in "ab"]

    first, second = (annas.get(f"/codes?page={number}").content.decode() for number in (1, 2))

    assert first.index(handed[1]) < first.index(handed[0])
    assert "BOUND-01" not in first
    assert "BOUND-01" in second


def test_nothing_of_others_is_shown(annas, anna, demo_site, till):
    bob = make_claimant(demo_site, claimant_id="u-2002")
    batch = make_batch(demo_site, 3, worth_cents=100)
    theirs = lookup.shown(hand(till, batch, bob))
    acme = make_site(slug="acme")
    foreign = make_claimant(acme, claimant_id="u-1001")
    make_code(acme, "ACME-0001", owner=foreign)
    make_code(demo_site, "NOBODYS-1")

    page = shown(annas)

    assert "You have no codes yet" in page
    assert all(text not in page for text in (theirs, "ACME-0001", "NOBODYS-1"))
    assert theirs in shown(browser_of(bob))
    # Signed in at another site: a stranger here.
    assert browser_of(foreign).get("/codes").status_code == 302


def test_a_stranger_is_asked_to_sign_in(stranger):
    answer = stranger.get("/codes")

    assert answer["Location"] == f"{reverse('pages:sign-in')}?next=%2Fcodes"


def test_deleted_codes_are_gone(annas, anna, demo_site, till):
    code = hand(till, make_batch(demo_site, 1, worth_cents=100), anna)
    switching.change_code(code, state="deleted", actor_id="boss")

    assert "You have no codes yet" in shown(annas)


def test_it_costs_the_same_however_many_codes_there_are(annas, anna, demo_site, till, django_assert_max_num_queries):
    batch = make_batch(demo_site, 12, worth_cents=100)
    for number in range(12):
        hand(till, batch, anna, f"k{number}")

    with django_assert_max_num_queries(7):
        annas.get("/codes")


def test_signing_in_leads_back_to_them(stranger, anna):
    asked = stranger.get("/codes")["Location"]
    assert 'name="next" value="/codes"' in stranger.get(asked).content.decode()
