"""/redeem: what is redeemed, what is refused and in which words, and what a double click does."""

import re
from unittest.mock import Mock

import pytest

from codes.models import Attempt, Code
from codes.refusals import CodeBusy
from redemption_site.pages import redeeming
from tests.factories import make_claimant, make_code, make_site
from tests.pages.conftest import balance_cents, browser_of, form_key_of, redeem


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


@pytest.mark.parametrize("address", ["/redeem", "/add", "/bookshelf", "/sign-in", "/register", "/receipts"])
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

    for address in ("/redeem", "/add", "/add?redemptionCode=ABC-E6W5F", "/bookshelf", "/receipts", receipt):
        text = annas.get(address).content.decode()
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://(?!www\.w3\.org)", text)


@pytest.mark.parametrize("address", ["/redeem", "/add", "/sign-in", "/register", "/language"])
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
