"""What a refusal says, to whom, and how it leads on."""

import datetime as dt

import pytest

from accounts.models import Site
from codes.models import Attempt
from codes.switching import switch_code
from tests.factories import make_asset, make_claimant, make_code, today
from tests.pages.conftest import balance_cents, browser_of, form_key_of, redeem

DAY = dt.timedelta(days=1)

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
