"""Every refusal of /add: its row of the contract for programs, a kind sentence for people in both languages."""

import datetime as dt
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from accounts import clock
from accounts.refusals import Refusal, ServiceUnavailable
from codes import switching
from codes.models import Attempt, Code
from codes.refusals import ActionFailed, ClaimantCapReached, CodeBusy, TooManyMatches
from redemption_site.edge.answers import ANSWERS as FLOW
from redemption_site.pages import add_answers, adding
from tests.factories import make_claimant, make_code, make_site, today
from tests.pages.conftest import browser_of, form_key_of
from tests.pages.content import CODE, JSON, add, add_json, make_books, match_code, offer_code, tag_code, tags_of

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def offer(demo_site):
    return make_books(demo_site)


def set_code(code: Code, **fields) -> Code:
    Code.objects.filter(pk=code.pk).update(**fields)
    return code


def disable(code: Code) -> Code:
    switching.switch_code(code, False, actor_id="system")
    return code


def gone(site, offer):
    code = offer_code(site)
    offer.archived_at = clock.read()
    offer.save()
    return code


# The row of the contract → how the code is made; then status, message, and what the page says in both languages.
ROWS = {
    "no code": (
        lambda site, offer: None,
        "",
        400,
        "Enter a redemption code",
        "Enter a code.",
        "Geben Sie einen Code ein.",
    ),
    "only spaces": (
        lambda site, offer: None,
        " \t ",
        400,
        "Enter a redemption code",
        "Enter a code.",
        "Geben Sie einen Code ein.",
    ),
    "unknown": (
        lambda site, offer: None,
        "NOPE-0001",
        404,
        "This code is not valid",
        "This code does not exist.",
        "Diesen Code gibt es nicht.",
    ),
    "unreadable": (
        lambda site, offer: None,
        "***",
        404,
        "This code is not valid",
        "This does not look like a valid code. Check it and try again.",
        "Das sieht nicht nach einem gültigen Code aus. Prüfen Sie ihn und versuchen Sie es noch einmal.",
    ),
    "too long": (
        lambda site, offer: None,
        "A" * 101,
        404,
        "This code is not valid",
        "A field is too long.",
        "Ein Feld ist zu lang.",
    ),
    "another site's": (
        lambda site, offer: tag_code(make_site(slug="acme")),
        CODE,
        404,
        "This code is not valid",
        "This code does not exist.",
        "Diesen Code gibt es nicht.",
    ),
    "case 24: disabled": (
        lambda site, offer: disable(tag_code(site)),
        CODE,
        409,
        "This code is disabled",
        "This code is switched off.",
        "Dieser Code ist gesperrt.",
    ),
    "case 26: uses given back, not switched on": (
        lambda site, offer: set_code(tag_code(site, uses=2), state="disabled", uses=0),
        CODE,
        409,
        "This code is disabled",
        "This code is switched off.",
        "Dieser Code ist gesperrt.",
    ),
    "case 28: expired": (
        lambda site, offer: tag_code(site, valid_until=today() - 2 * DAY),
        CODE,
        410,
        "This code has expired",
        "This code has expired.",
        "Dieser Code ist abgelaufen.",
    ),
    "not yet valid": (
        lambda site, offer: tag_code(site, valid_from=today() + DAY),
        CODE,
        409,
        "This code is not valid yet.",
        "This code is not valid yet.",
        "Dieser Code gilt noch nicht.",
    ),
    "bound to somebody else": (
        lambda site, offer: tag_code(site, owner=make_claimant(site, claimant_id="u-3003")),
        CODE,
        403,
        "This code belongs to another account.",
        "This code belongs to another account.",
        "Dieser Code gehört zu einem anderen Konto.",
    ),
    "offer gone": (
        gone,
        CODE,
        409,
        "The offer for this code is no longer available",
        "The offer for this code is no longer available.",
        "Das Angebot zu diesem Code ist nicht mehr verfügbar.",
    ),
    "case 22: nothing matches": (
        lambda site, offer: match_code(site, {"any": ["sample"], "excluded": ["ProductId:1"]}),
        CODE,
        409,
        "No matching content",
        "There is no content for this code right now.",
        None,
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_the_contract(row, annas, anna, demo_site, offer):
    make, typed, status, message, english, german = ROWS[row]
    code = make(demo_site, offer)

    answer = add_json(annas, typed)
    page = add(annas, typed)
    annas.cookies["django_language"] = "de"
    german_page = add(annas, typed)

    assert (answer.status_code, answer.json()) == (status, {"status": status, "message": message})
    assert page.status_code == german_page.status_code == status
    assert f'<h1 id="problem-title">{english}</h1>' in page.content.decode()
    assert f'<h1 id="problem-title">{english}</h1>' not in german_page.content.decode()
    if german:
        assert f'<h1 id="problem-title">{german}</h1>' in german_page.content.decode()
    assert tags_of(anna) == set()
    if code is not None:
        before = code.uses
        code.refresh_from_db()
        assert code.uses == before
    assert not Attempt.objects.filter(outcome="redeemed").exists()


@pytest.mark.parametrize("state", ["used_up", "active"])
def test_case_27_no_uses_left_is_said_before_all_else(state, annas, anna, demo_site):
    code = tag_code(demo_site, valid_until=today() + DAY)
    add_json(annas)
    set_code(code, state=state)

    answer = add_json(browser_of(make_claimant(demo_site, claimant_id="u-2002")))

    assert (answer.status_code, answer.json()["message"]) == (409, "This code has already been used")


def test_who_used_it_up_themselves_is_led_to_their_receipt_and_bookshelf(annas, demo_site):
    tag_code(demo_site)
    add(annas)

    page = add(annas)

    assert page.status_code == 409
    assert f'href="/receipts/{Attempt.objects.get(outcome="redeemed").pk}"' in page.content.decode()
    assert page.content.decode().count('href="/bookshelf"') == 2


def test_case_31_a_deleted_code_is_unknown(annas, demo_site):
    set_code(tag_code(demo_site), state="deleted")

    assert add_json(annas).json() == {"status": 404, "message": "This code is not valid"}


@pytest.mark.parametrize("make", [tag_code, offer_code])
def test_login_is_asked_for_before_the_state_of_the_code_is_told(make, stranger, demo_site):
    disable(make(demo_site))

    assert add_json(stranger).json() == {"status": 401, "message": "Sign in to redeem this code"}


def test_a_browser_that_holds_licences_is_asked_to_sign_in_for_an_account_code(stranger, demo_site):
    offer_code(demo_site, "SESSION-01", session=True)
    tag_code(demo_site)
    add(stranger, "SESSION-01")

    assert add_json(stranger).status_code == 401


def test_a_session_code_tells_its_state_to_strangers_too(stranger, demo_site):
    disable(offer_code(demo_site, session=True))

    assert add_json(stranger).json() == {"status": 409, "message": "This code is disabled"}
    assert "browser_login" not in stranger.cookies


@pytest.mark.parametrize(
    ("raised", "status", "message", "retry_after"),
    [
        (CodeBusy(retry_after_seconds=1), 409, "Try again", "1"),
        (TooManyMatches(), 409, "Too many matching items", None),
        (ClaimantCapReached(), 409, "You have reached the limit for this offer.", None),
        (ActionFailed(), 502, "The redemption could not be carried out. Nothing was changed.", None),
        (
            ServiceUnavailable(),
            503,
            "Redemption is not available right now. Nothing was changed.",
            "5",
        ),
    ],
)
def test_what_comes_of_a_hurry_or_a_fault(raised, status, message, retry_after, annas, demo_site, monkeypatch):
    form_key = form_key_of(annas.get("/add"))
    monkeypatch.setattr(adding, "redeem_code", Mock(side_effect=raised))

    answer, page = add_json(annas), add(annas, form_key=form_key)

    assert (answer.status_code, answer.json()) == (status, {"status": status, "message": message})
    assert page.status_code == status
    assert answer.headers.get("Retry-After") == page.headers.get("Retry-After") == retry_after
    # Who is told to try again sends the same form, and gets what the first try gave if it was done after all.
    assert (form_key_of(page) == form_key) is raised.retryable


def test_case_51_an_inactive_account_is_told_so(annas, anna, demo_site, monkeypatch):
    """Who is switched off while their request is under way; from the next one on they are a stranger."""
    tag_code(demo_site)
    type(anna).objects.filter(pk=anna.pk).update(is_active=False)
    anna.is_active = True
    monkeypatch.setattr("redemption_site.pages.page.claimant_of", lambda request, site: anna)

    assert add_json(annas).json() == {"status": 403, "message": "Account is not active"}


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_database_that_is_away_is_503_in_the_askers_own_form(accept, annas, demo_site, monkeypatch):
    monkeypatch.setattr(adding, "redeem_code", Mock(side_effect=OperationalError("gone")))

    answer = annas.post("/add", {"redemptionCode": CODE}, headers={"Accept": accept})

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"].startswith(accept)
    if accept == "application/json":
        assert answer.json() == {
            "status": 503,
            "message": "Redemption is not available right now. Nothing was changed.",
        }


def test_every_refusal_of_the_tree_has_words_of_its_own_or_the_flows():
    for refusal in Refusal.tree():
        status, body = add_answers.refused(refusal())
        assert body["status"] == status
        assert body["message"]
    assert set(add_answers.ANSWERS) <= set(FLOW)


def spend(browser, count=10) -> list[int]:
    return [add_json(browser, f"NOPE-{number:04d}").status_code for number in range(count)]


def test_too_many_wrong_codes_of_a_person(annas, anna, demo_site):
    tag_code(demo_site)
    assert spend(annas) == [404] * 10

    answer, page = add_json(annas), add(annas)

    assert (answer.status_code, answer.json()) == (429, {"status": 429, "message": "Too many attempts"})
    assert page.status_code == 429
    assert 800 < int(answer["Retry-After"]) <= 900
    assert "You can try again in 15 minutes." in page.content.decode()
    assert tags_of(anna) == set()


def test_too_many_wrong_codes_of_strangers_at_one_address_with_cookies_or_without(demo_site):
    offer_code(demo_site, session=True)
    assert [add_json(browser_of(), f"NOPE-{number:04d}").status_code for number in range(10)] == [404] * 10

    answer = add_json(browser_of())
    elsewhere = browser_of().post("/add", {"redemptionCode": CODE}, headers=JSON, REMOTE_ADDR="192.0.2.7")

    assert (answer.status_code, answer.json()["message"]) == (429, "Too many attempts")
    assert elsewhere.status_code == 200


def test_too_many_wrong_codes_of_a_browser_that_holds_licences(stranger, annas, demo_site):
    offer_code(demo_site, session=True)
    offer_code(demo_site, "SESSION-02", session=True)
    add(stranger)
    assert spend(stranger) == [404] * 10

    assert add_json(stranger, "SESSION-02").status_code == 429
    assert add_json(annas, "SESSION-02").status_code == 200


def test_too_many_comes_first_and_tells_nothing_of_the_code(stranger, demo_site):
    for make, text in ((tag_code, "TAGS-0001"), (offer_code, "OFFER-001")):
        make(demo_site, text)
    disable(offer_code(demo_site, "OFF-00001", session=True))
    spend(stranger)

    for typed in ("TAGS-0001", "OFFER-001", "OFF-00001", "NOPE-9999", "***"):
        assert add_json(stranger, typed).status_code == 429


def test_the_budget_ends_with_its_window(stranger, demo_site, settings):
    offer_code(demo_site, session=True)
    spend(stranger, 11)

    settings.CLOCK_OFFSET_SECONDS = 901

    assert add_json(stranger).status_code == 200


def test_codes_that_are_known_spend_nothing(stranger, demo_site):
    tag_code(demo_site)

    assert [add_json(stranger).status_code for _ in range(12)] == [401] * 12


NASTY = ["\x00", "a\x00bcd", "\ud7ff\uffff", "١٢٣٤٥٦", "ſſſſ", "' OR 1=1 --", "{{ 7*7 }}", "%s%n", "\u202eABCD", "🎟️🎟️🎟️🎟️"]


@pytest.mark.parametrize("typed", NASTY)
def test_nothing_that_is_typed_is_an_error_of_ours(typed, annas, stranger, demo_site):
    for browser in (annas, stranger):
        assert browser.get("/add", {"redemptionCode": typed, "successUrl": typed, "link": typed}).status_code == 200
        assert add(browser, typed, typed, form_key=typed, link=typed).status_code in (400, 404)
        assert add_json(browser, typed).status_code in (400, 404)


def test_what_was_typed_is_shown_as_text(annas, demo_site):
    typed = '"><script>alert(1)</script>'
    for page in (annas.get("/add", {"redemptionCode": typed, "successUrl": typed}), add(annas, typed, typed)):
        assert "<script" not in page.content.decode()
        assert "&quot;&gt;&lt;script&gt;" in page.content.decode()


def test_a_code_is_found_in_every_spelling(annas, demo_site):
    make_code(demo_site, "ABC-E6W5F")

    assert add(annas, " abc e6 w5f ").status_code == 303
