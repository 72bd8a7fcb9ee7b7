"""/add by a person and by a program: what each code gives, to whom, and where it leads. Cases of access codes, section 9."""

import pytest

from accounts.models import BrowserLogin, Licence
from codes.models import Attempt, Code
from ledger.models import LedgerAccount
from redemption_site.pages.browsers import COOKIE
from tests.factories import make_claimant, make_code, make_site
from tests.pages.conftest import balance_cents, browser_of
from tests.pages.content import (
    CODE,
    add,
    add_json,
    licensed_to,
    make_books,
    match_code,
    offer_code,
    opens,
    redeemed_users,
    tag_code,
    tags_of,
)


@pytest.fixture
def offer(demo_site):
    return make_books(demo_site)


@pytest.fixture
def other(demo_site):
    return make_claimant(demo_site, claimant_id="u-2002", email="other@example.test")


def facts(code: Code) -> tuple[int, str, int]:
    code.refresh_from_db()
    return code.max_uses - code.uses, code.state, Attempt.objects.filter(code=code, outcome="redeemed").count()


def test_case_15_a_tag_code_puts_its_tags_on_who_is_signed_in(annas, anna, demo_site):
    code = tag_code(demo_site)

    answer = add_json(annas)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "status": 200,
        "message": "Code redeemed",
        "action-type": "add-user-tag",
        "licenses": [],
        "location": "/bookshelf",
    }
    assert tags_of(anna) == {"member", "institution"}
    assert facts(code) == (0, "used_up", 1)
    assert redeemed_users(code) == ["anna@example.test"]


def test_case_16_a_second_person_with_the_same_code_gets_nothing(annas, other, demo_site):
    code = tag_code(demo_site)
    add_json(annas)

    answer = add_json(browser_of(other))

    assert (answer.status_code, answer.json()) == (409, {"status": 409, "message": "This code has already been used"})
    assert tags_of(other) == set()
    assert facts(code) == (0, "used_up", 1)


def test_case_17_two_uses_are_for_two_people(annas, anna, other, demo_site):
    code = tag_code(demo_site, uses=2)

    answers = [add_json(annas), add_json(annas), add_json(browser_of(other))]

    assert [answer.status_code for answer in answers] == [200, 409, 200]
    assert answers[1].json()["message"] == "You have already redeemed this code"
    assert facts(code) == (0, "used_up", 2)
    assert redeemed_users(code) == ["anna@example.test", "other@example.test"]


def test_case_18_a_session_code_opens_its_book_in_this_browser_only(stranger, annas, demo_site, offer):
    code = offer_code(demo_site, session=True)

    answer = add_json(stranger)

    assert answer.json() == {
        "status": 200,
        "message": "Code redeemed",
        "action-type": "session-license",
        "licenses": ["9udm"],
        "location": "/items/9udm",
    }
    assert facts(code) == (0, "used_up", 1)
    assert redeemed_users(code) == []
    assert opens(stranger, "9udm")
    assert not opens(annas, "9udm")
    assert not opens(browser_of(), "9udm")
    assert not opens(stranger, "b1")


def test_case_19_a_session_code_leaves_the_account_as_it_was(annas, anna, demo_site, offer):
    offer_code(demo_site, session=True)

    assert add_json(annas).status_code == 200

    assert licensed_to(anna) == set()
    assert opens(annas, "9udm")
    assert not opens(browser_of(anna), "9udm")
    assert Attempt.objects.get().claimant is None


def test_a_session_code_that_is_bound_to_somebody_opens_for_their_browser_alone(
    annas, anna, stranger, demo_site, offer
):
    code = offer_code(demo_site, session=True)
    code.owner = anna
    code.save(update_fields=["owner"])

    assert add_json(stranger).status_code == 403
    assert not opens(stranger, "9udm")
    assert add_json(annas).status_code == 200
    assert opens(annas, "9udm")
    assert licensed_to(anna) == set()


def test_a_session_licence_outlives_sign_in_and_sign_out(stranger, anna, demo_site, offer):
    offer_code(demo_site, session=True)
    add(stranger)

    stranger.force_login(anna, "accounts.signing_in.EmailBackend")
    assert opens(stranger, "9udm")
    stranger.post("/sign-out")
    assert opens(stranger, "9udm")


def test_a_session_licence_ends_after_half_an_hour_without_a_visit(stranger, demo_site, offer, settings):
    offer_code(demo_site, session=True)
    add(stranger)
    for minutes in (29, 58, 87):
        settings.CLOCK_OFFSET_SECONDS = minutes * 60
        assert opens(stranger, "9udm")

    settings.CLOCK_OFFSET_SECONDS = (87 + 30) * 60

    assert not opens(stranger, "9udm")
    assert "Nothing is open in this browser." in stranger.get("/bookshelf").content.decode()


def test_the_browsers_cookie_is_its_own_and_no_script_reads_it(stranger, demo_site, offer, settings):
    settings.HTTPS = True
    offer_code(demo_site, session=True)

    cookie = add(stranger).cookies[COOKIE]

    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert (cookie["domain"], cookie["max-age"]) == ("", "")
    assert cookie.value not in str(list(BrowserLogin.objects.values()))


def test_no_browser_login_begins_but_with_a_session_code(stranger, annas, demo_site, offer):
    tag_code(demo_site, "TAGS-0001")
    for browser in (stranger, annas):
        browser.get(f"/add?redemptionCode={CODE}")
        for code in ("TAGS-0001", "NOPE-0001", ""):
            assert COOKIE not in add(browser, code).cookies
    assert BrowserLogin.objects.count() == 0


def test_a_session_code_that_this_browser_holds_is_success_and_counts_nothing(stranger, demo_site, offer):
    code = offer_code(demo_site, session=True, uses=3)

    first, second = add_json(stranger), add_json(stranger)

    assert (second.status_code, second.json()) == (200, first.json())
    assert facts(code) == (2, "active", 1)
    assert Licence.objects.count() == 1
    assert COOKIE not in second.cookies


def test_a_used_up_session_code_that_this_browser_holds_is_success_too(stranger, demo_site, offer):
    offer_code(demo_site, session=True)

    first, second = add(stranger), add(stranger)

    assert (second.status_code, second["Location"]) == (303, first["Location"])
    assert add_json(browser_of()).json()["message"] == "This code has already been used"


def test_one_form_sent_twice_by_a_new_browser_is_one_use_and_one_licence(demo_site, offer):
    """A double click: the browser shows the second answer, and the first one's cookie may never have come in."""
    offer_code(demo_site, session=True)
    browser, secret = browser_of(), "c" * 32
    browser.cookies["csrftoken"] = secret
    form = {"form_key": "k" * 22}

    first = add(browser, CODE, **form)
    del browser.cookies[COOKIE]
    second = add(browser, CODE, **form)

    assert first.status_code == second.status_code == 303
    assert first.cookies[COOKIE].value == second.cookies[COOKIE].value
    assert opens(browser, "9udm")
    assert (BrowserLogin.objects.count(), Licence.objects.count()) == (1, 1)


def test_who_only_knows_the_form_is_another_browser(demo_site, offer):
    offer_code(demo_site, session=True, uses=2)
    mine, theirs = browser_of(), browser_of()
    mine.cookies["csrftoken"], theirs.cookies["csrftoken"] = "c" * 32, "d" * 32

    first, second = (add(each, CODE, form_key="k" * 22) for each in (mine, theirs))

    assert first.cookies[COOKIE].value != second.cookies[COOKIE].value
    assert BrowserLogin.objects.count() == 2


def test_a_browser_login_of_another_site_is_none_here(stranger, demo_site, offer):
    offer_code(demo_site, session=True)
    add(stranger)
    acme = make_site(slug="acme")
    make_books(acme)
    theirs = browser_of(host="acme.localhost")
    theirs.cookies[COOKIE] = stranger.cookies[COOKIE].value

    assert not opens(theirs, "9udm")
    offer_code(acme, "ACME-0001", session=True)
    assert add_json(theirs, "ACME-0001").status_code == 200
    assert opens(theirs, "9udm")
    assert BrowserLogin.objects.count() == 2


def test_case_20_an_account_code_asks_a_stranger_to_sign_in_and_stays_as_it_was(stranger, demo_site, offer):
    code = offer_code(demo_site)

    answer = add_json(stranger)

    assert (answer.status_code, answer.json()) == (401, {"status": 401, "message": "Sign in to redeem this code"})
    assert facts(code) == (1, "active", 0)
    assert Licence.objects.count() == 0


def test_an_offer_code_licenses_the_offers_book(annas, anna, demo_site, offer):
    code = offer_code(demo_site)

    answer = add_json(annas)

    assert answer.json() == {
        "status": 200,
        "message": "Code redeemed",
        "action-type": "apply-offer",
        "licenses": ["9udm"],
        "location": "/items/9udm",
    }
    assert licensed_to(anna) == {"9udm"}
    assert opens(browser_of(anna), "9udm")
    assert redeemed_users(code) == ["anna@example.test"]


def test_case_21_a_match_code_licenses_what_matches_and_leads_to_the_bookshelf(annas, anna, demo_site, offer):
    match_code(demo_site, {"all": ["ProductId:09238443"]})

    answer = add_json(annas).json()

    assert answer["action-type"] == "apply-offer-match"
    assert sorted(answer["licenses"]) == ["b1", "b2"]
    assert answer["location"] == "/bookshelf"
    assert licensed_to(anna) == {"b1", "b2"}


def test_a_session_match_code_opens_all_that_matches_in_this_browser(stranger, demo_site, offer):
    match_code(demo_site, {"all": ["ProductId:09238443"]}, session=True)

    answer = add_json(stranger).json()

    assert answer["action-type"] == "session-license-match"
    assert [opens(stranger, each) for each in ("b1", "b2", "9udm")] == [True, True, False]


@pytest.mark.parametrize("session", [False, True])
def test_case_22_what_matches_nothing_uses_nothing_up(session, annas, anna, demo_site, offer):
    code = match_code(demo_site, {"any": ["sample"], "excluded": ["ProductId:1"]}, session=session)

    answer = add_json(annas)

    assert (answer.status_code, answer.json()["message"]) == (409, "No matching content")
    assert facts(code) == (1, "active", 0)
    assert COOKIE not in answer.cookies


def test_money_is_redeemed_too_and_leads_to_its_receipt(annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)

    answer = add_json(annas, "abc e6w5f").json()

    assert answer == {
        "status": 200,
        "message": "Code redeemed",
        "action-type": "credit",
        "licenses": [],
        "location": f"/receipts/{Attempt.objects.get().pk}",
    }
    assert balance_cents(anna) == 2500
    assert annas.get(answer["location"]).status_code == 200


@pytest.mark.parametrize("method", ["get", "head"])
def test_case_33_a_mail_scanner_changes_nothing(method, annas, stranger, demo_site, offer):
    codes = [offer_code(demo_site), offer_code(demo_site, "SESSION-01", session=True)]

    for browser in (annas, stranger):
        for code in (CODE, "SESSION-01"):
            answer = getattr(browser, method)("/add", {"redemptionCode": code, "successUrl": "/welcome"})
            assert answer.status_code == 200
            assert not answer.cookies.keys() & {COOKIE, "sessionid"}

    assert [facts(code) for code in codes] == [(1, "active", 0)] * 2
    assert Attempt.objects.count() == 0


def test_the_page_of_a_link_has_one_button_and_its_code_in_no_address(stranger, demo_site):
    page = stranger.get("/add", {"redemptionCode": f" {CODE} ", "successUrl": "/welcome"}).content.decode()

    form = page.split('<form id="add"')[1].split("</form>")[0]
    assert form.count("<button") == 1
    assert f'name="redemptionCode" value="{CODE}"' in form
    assert 'name="successUrl" value="/welcome"' in form
    assert CODE not in page.split("<title>")[1].split("</title>")[0]
    assert not [part for part in page.split('"') if part.startswith("/") and CODE in part]


def test_without_a_code_there_is_a_field_for_it(stranger, demo_site):
    page = stranger.get("/add").content.decode()

    assert 'name="redemptionCode"\n             class="code"' in page
    assert "Redeem a code" in page


def test_a_form_that_somebody_else_made_counts_for_nothing(anna, demo_site, offer):
    code = offer_code(demo_site)
    browser = browser_of(anna, enforce_csrf_checks=True)

    assert add(browser).status_code == 403
    assert add_json(browser).status_code == 403
    assert facts(code) == (1, "active", 0)


def test_other_methods_are_refused(annas):
    for method in (annas.put, annas.patch, annas.delete):
        assert method("/add").status_code == 405


def test_a_slash_at_the_end_makes_no_difference(annas, anna, demo_site, offer):
    offer_code(demo_site)

    assert annas.get("/add/").status_code == 200
    assert annas.post("/add/", {"redemptionCode": CODE})["Location"] == "/items/9udm"


def test_a_code_that_gives_two_copies_of_an_item_with_an_odd_id_leads_to_it(annas, demo_site, offer):
    offer.item.external_id = "a b/ü?#%"
    offer.item.save()
    offer_code(demo_site)

    location = add(annas)["Location"]

    assert location == "/items/a%20b/%C3%BC%3F%23%25"
    assert "You can read this" in annas.get(location).content.decode()


def test_a_redemption_costs_a_fixed_number_of_statements(annas, demo_site, offer, django_assert_max_num_queries):
    offer_code(demo_site, "WARM-0001")
    offer_code(demo_site)
    add(annas, "WARM-0001")

    with django_assert_max_num_queries(35):
        assert add(annas).status_code == 303


def test_money_for_a_closed_account_is_refused_in_the_flows_words(annas, anna, demo_site):
    LedgerAccount.objects.filter(owner=anna).update(state="closed")
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)

    answer = add_json(annas, "ABC-E6W5F")

    assert answer.json() == {"status": 409, "message": "The account does not accept this booking."}
    assert balance_cents(anna) == 0
