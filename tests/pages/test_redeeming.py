"""/redeem: what is redeemed, what is refused and in which words, and what a double click does."""

import datetime as dt
import re
from unittest.mock import Mock

import pytest
from django.test import Client

from accounts.models import Site, User
from codes.models import Attempt, Code
from codes.refusals import CodeBusy
from codes.switching import switch_code
from ledger.models import LedgerAccount
from redemption_site.pages import redeeming
from tests.factories import make_asset, make_claimant, make_code, make_site, today
from tests.pages.conftest import browser_of

DAY = dt.timedelta(days=1)
FORM_KEY = re.compile(r'name="form_key" value="([\w-]+)"')


def balance_cents(user: User) -> int | None:
    return LedgerAccount.objects.get(owner=user, kind="cash").balance


def form_key_of(response) -> str:
    return FORM_KEY.search(response.content.decode()).group(1)


def redeem(browser: Client, code: str, form_key: str | None = None):
    """Open the form and send it with this code, as a person does."""
    form_key = form_key or form_key_of(browser.get("/redeem"))
    return browser.post("/redeem", {"code": code, "form_key": form_key})


def test_the_form_redeems_for_who_is_signed_in_and_leads_to_the_receipt(annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)

    response = redeem(annas, " abc e6w5f ")

    attempt = Attempt.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/receipts/{attempt.pk}")
    assert (attempt.door, attempt.claimant, attempt.actor_id) == ("page", anna, "u-1001")
    assert balance_cents(anna) == 2500
    assert "ABC-E6W5F" in annas.get(response["Location"]).content.decode()


def test_a_claimant_named_in_the_form_is_not_listened_to(annas, anna, demo_site):
    other = make_claimant(demo_site, claimant_id="u-2002")
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)

    annas.post("/redeem", {"code": "ABC-E6W5F", "claimant_id": "u-2002"})

    assert (balance_cents(anna), balance_cents(other)) == (2500, 0)


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_link_never_redeems_and_shows_the_code_in_the_form(method, annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)

    first = getattr(annas, method)("/redeem/ABC-E6W5F")
    page = annas.get(first["Location"])

    assert first["Location"] == "/redeem"
    assert 'value="ABC-E6W5F"' in page.content.decode()
    assert "Redeem this code?" in page.content.decode()
    assert (Attempt.objects.count(), balance_cents(anna)) == (0, 0)
    assert Code.objects.get().uses == 0


def test_a_link_can_only_be_got(annas, demo_site):
    make_code(demo_site, "ABC-E6W5F")

    assert annas.post("/redeem/ABC-E6W5F").status_code == 405
    assert Attempt.objects.count() == 0


def test_a_form_sent_twice_is_one_redemption_with_one_receipt(annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500, uses=5, uses_per_claimant=5)
    form_key = form_key_of(annas.get("/redeem"))

    first, second = redeem(annas, "ABC-E6W5F", form_key), redeem(annas, "ABC-E6W5F", form_key)

    assert first["Location"] == second["Location"]
    assert (Attempt.objects.count(), balance_cents(anna)) == (1, 2500)


def test_a_new_form_is_a_new_redemption(annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500, uses=5, uses_per_claimant=5)

    assert redeem(annas, "ABC-E6W5F")["Location"] != redeem(annas, "ABC-E6W5F")["Location"]
    assert balance_cents(anna) == 5000


def test_another_code_in_an_old_form_is_judged_for_itself(annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)
    form_key = form_key_of(annas.get("/redeem"))

    refused, redeemed = redeem(annas, "NOPE-0001", form_key), redeem(annas, "ABC-E6W5F", form_key)

    assert (refused.status_code, redeemed.status_code) == (404, 303)
    assert balance_cents(anna) == 2500


def test_who_is_told_to_try_again_gets_the_receipt_of_the_first_try(annas, anna, demo_site, monkeypatch):
    """A double click whose second half met the first one's lock for too long, or an answer that was lost on its way."""
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500, uses=5, uses_per_claimant=5)
    form_key = form_key_of(annas.get("/redeem"))
    first = redeem(annas, "ABC-E6W5F", form_key)
    with monkeypatch.context() as patch:
        patch.setattr(redeeming, "redeem_code", Mock(side_effect=CodeBusy(retry_after_seconds=1)))
        busy = redeem(annas, "ABC-E6W5F", form_key)

    again = redeem(annas, "ABC-E6W5F", form_key_of(busy))

    assert (busy.status_code, busy["Retry-After"]) == (409, "1")
    assert "This code is being redeemed right now." in busy.content.decode()
    assert again["Location"] == first["Location"]
    assert balance_cents(anna) == 2500


@pytest.mark.parametrize("form_key", ["", "short", "with, comma and space", "x" * 300, "ünïcode-ünïcode-ü"])
def test_a_form_without_a_usable_key_is_judged_without_one(form_key, annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)

    response = annas.post("/redeem", {"code": "ABC-E6W5F", "form_key": form_key})

    assert response.status_code == 303
    assert Attempt.objects.get().idempotency_key is None


def test_no_idempotency_key_shows_the_code(annas, demo_site):
    make_code(demo_site, "ABC-E6W5F")

    redeem(annas, "ABC-E6W5F")

    key = Attempt.objects.get().idempotency_key
    assert key.startswith("page-")
    assert "E6W5F" not in key.upper()


REFUSALS = {
    "missing": ("", 400, "Enter a code.", "Geben Sie einen Code ein.", "Type the code into the field below."),
    "unreadable": (
        "***",
        400,
        "This does not look like a valid code. Check it and try again.",
        "Das sieht nicht nach einem gültigen Code aus. Prüfen Sie ihn und versuchen Sie es noch einmal.",
        "Compare it with your voucher, character by character.",
    ),
    "too long": (
        "A" * 101,
        400,
        "A field is too long.",
        "Ein Feld ist zu lang.",
        "Check what you typed and send it again.",
    ),
    "unknown": (
        "NOPE-0001",
        404,
        "This code does not exist.",
        "Diesen Code gibt es nicht.",
        "Compare it with your voucher, character by character.",
    ),
    "off": (
        "OFF-0001",
        409,
        "This code is switched off.",
        "Dieser Code ist gesperrt.",
        "Ask whoever gave you the code, and name the reference below.",
    ),
    "early": (
        "SOON-0001",
        409,
        "This code is not valid yet.",
        "Dieser Code gilt noch nicht.",
        "Keep the code and come back when the offer has begun.",
    ),
    "late": (
        "OLD-0001",
        410,
        "This code has expired.",
        "Dieser Code ist abgelaufen.",
        "Ask whoever gave you the code, and name the reference below.",
    ),
    "somebody else's": (
        "OWN-0001",
        403,
        "This code belongs to another account.",
        "Dieser Code gehört zu einem anderen Konto.",
        "Ask whoever gave you the code, and name the reference below.",
    ),
    "dollars": (
        "USD-0001",
        409,
        "The code is in another currency than the account.",
        "Der Code lautet auf eine andere Währung als das Konto.",
        "Ask whoever gave you the code, and name the reference below.",
    ),
}


@pytest.fixture
def offers(demo_site: Site) -> None:
    """A code for each way of being refused (redemption flow, section 8)."""
    make_code(demo_site, "OLD-0001", valid_until=today() - 2 * DAY)
    make_code(demo_site, "SOON-0001", valid_from=today() + DAY)
    make_code(demo_site, "OWN-0001", owner=make_claimant(demo_site, claimant_id="u-2002"))
    switch_code(make_code(demo_site, "OFF-0001"), False, actor_id="system")
    make_asset("USD")
    make_code(demo_site, "USD-0001", asset_code="USD")


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_why_and_what_to_do_next(case, annas, anna, offers):
    typed, status, english, german, next_step = REFUSALS[case]

    page = redeem(annas, typed)
    annas.cookies["django_language"] = "de"
    german_page = redeem(annas, typed)

    text = page.content.decode()
    assert page.status_code == german_page.status_code == status
    assert f'<h1 id="problem-title">{english}</h1>' in text
    assert f"<li>{next_step}</li>" in text
    assert f'<h1 id="problem-title">{german}</h1>' in german_page.content.decode()
    assert next_step not in german_page.content.decode()
    assert balance_cents(anna) == 0


def test_a_refusal_that_sends_to_support_names_its_attempt(annas, offers):
    page = redeem(annas, "OLD-0001")

    assert str(Attempt.objects.get().pk) in page.content.decode()


def test_a_refusal_keeps_what_was_typed_as_text_and_gives_a_new_form(annas, demo_site):
    form_key = form_key_of(annas.get("/redeem"))

    page = redeem(annas, '"><script>alert(1)</script>', form_key)

    assert 'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in page.content.decode()
    assert "<script" not in page.content.decode()
    assert form_key_of(page) != form_key


def test_who_used_a_code_up_is_led_to_their_receipt_and_nobody_else_is(annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F")
    receipt = redeem(annas, "ABC-E6W5F")["Location"]
    other = browser_of(make_claimant(demo_site, claimant_id="u-2002"))

    own, others = redeem(annas, "ABC-E6W5F"), redeem(other, "ABC-E6W5F")

    assert own.status_code == others.status_code == 409
    assert "This code has already been used." in own.content.decode()
    assert "This code has already been used." in others.content.decode()
    assert f'href="{receipt}"' in own.content.decode()
    assert "Look at the receipt of your earlier redemption." in own.content.decode()
    assert receipt not in others.content.decode()
    assert "/receipts/" not in others.content.decode()


def test_a_second_try_on_a_code_with_uses_left_leads_to_the_receipt(annas, demo_site):
    make_code(demo_site, "MULTI-0001", uses=3)
    receipt = redeem(annas, "MULTI-0001")["Location"]

    page = redeem(annas, "MULTI-0001")

    assert page.status_code == 409
    assert "You have already redeemed this code." in page.content.decode()
    assert f'href="{receipt}"' in page.content.decode()


def test_too_many_guesses_end_in_a_page_that_says_how_long_to_wait(annas, demo_site):
    make_code(demo_site, "ABC-E6W5F")
    statuses = [redeem(annas, f"NOPE-{number:04d}").status_code for number in range(10)]

    page = redeem(annas, "ABC-E6W5F")

    assert statuses == [404] * 10
    assert page.status_code == 429
    assert 800 < int(page["Retry-After"]) <= 900
    assert "Too many failed attempts. Try again later." in page.content.decode()
    assert "You can try again in 15 minutes." in page.content.decode()


def test_another_sites_code_is_as_unknown_as_any(annas, demo_site):
    make_code(make_site(slug="acme"), "ACME-0001")

    elsewhere, nowhere = redeem(annas, "ACME-0001"), redeem(annas, "NOPE-0001")

    assert elsewhere.status_code == nowhere.status_code == 404
    assert elsewhere.content.decode().count("This code does not exist.") == 2  # In the title and the heading.


def test_a_login_of_another_site_is_a_stranger_here(demo_site):
    make_code(demo_site, "ABC-E6W5F")
    theirs = browser_of(make_claimant(make_site(slug="acme"), claimant_id="u-1001"))

    response = redeem(theirs, "ABC-E6W5F")

    assert (response.status_code, response["Location"]) == (303, "/sign-in")
    assert theirs.get("/receipts").status_code == 302
    assert Attempt.objects.count() == 0


NASTY = ["\x00", "a\x00bcd", "\ud7ff\uffff", "١٢٣٤٥٦", "ſſſſ", "' OR 1=1 --", "{{ 7*7 }}", "%s%n", "\u202eABCD", "🎟️🎟️🎟️🎟️"]


@pytest.mark.parametrize("typed", NASTY)
def test_nothing_that_is_typed_is_an_error_of_ours(typed, annas, demo_site):
    assert redeem(annas, typed).status_code in (400, 404)
    assert annas.get("/redeem/x", {"y": typed}).status_code == 303


def test_a_file_in_the_form_is_no_code(annas, demo_site):
    boundary = 'x\r\nContent-Disposition: form-data; name="code"; filename="c.txt"\r\n\r\nABC-E6W5F\r\n--x--\r\n'

    response = annas.post("/redeem", f"--{boundary}".encode(), content_type="multipart/form-data; boundary=x")

    assert response.status_code == 400


@pytest.mark.parametrize("address", ["/redeem", "/sign-in", "/receipts"])
def test_every_page_forbids_copies_and_keeps_its_address_to_itself(address, annas, stranger):
    for browser in (annas, stranger):
        for response in (browser.get(address), browser.get(f"{address}/")):
            assert response["Cache-Control"] == "no-store"
            assert response["Referrer-Policy"] == "strict-origin"
            assert "unsafe" not in response["Content-Security-Policy"]
            assert response["X-Frame-Options"] == "DENY"


def test_nothing_on_a_page_comes_from_outside_or_stands_in_line(annas, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F")
    receipt = redeem(annas, "ABC-E6W5F")["Location"]

    for address in ("/redeem", "/receipts", receipt):
        text = annas.get(address).content.decode()
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://(?!www\.w3\.org)", text)


@pytest.mark.parametrize("address", ["/redeem", "/sign-in", "/language"])
def test_a_form_that_is_too_large_is_a_page_that_says_so(address, annas):
    response = annas.post(address, {"code": "A" * 2_000_000})

    assert response.status_code == 400
    assert "The request could not be read." in response.content.decode()


def test_a_host_that_is_nobodys_has_no_pages(annas, demo_site):
    make_site(slug="acme")

    response = annas.get("/redeem", headers={"Host": "nobody.localhost"})

    assert response.status_code == 404
    assert "There is nothing here for you" in response.content.decode()


def test_the_start_leads_to_the_form(stranger):
    assert stranger.get("/")["Location"] == "/redeem"


def test_other_methods_are_refused(annas):
    for method in (annas.put, annas.patch, annas.delete):
        assert method("/redeem").status_code == 405
