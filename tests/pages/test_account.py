"""The holder's page: balance, statement with comments, what waits, and topping up, in both languages; nobody else's."""

import re

import pytest
from django.urls import reverse

from codes.models import Attempt
from ledger import cash_accounts
from ledger.models import LedgerAccount, LedgerTransaction
from redemption_site.pages import account as page_of_account
from tests.codes.conftest import stopped_clock  # noqa: F401 (a fixture)
from tests.codes.redeeming import redeem
from tests.codes.reserved import place
from tests.factories import caller_of, make_claimant, make_client, make_code, make_site, make_user
from tests.ledger.suspending import suspend
from tests.pages.conftest import browser_of, form_key_of

NO_BREAK = "\u00a0"


@pytest.fixture
def account(anna) -> LedgerAccount:
    return anna.ledger_accounts.get()


def book(account, type_, amount, comment="", **fields):
    return cash_accounts.perform(account, type_, amount, comment=comment, actor_id="u-boss", **fields)


def shown(browser, query: str = "") -> str:
    return browser.get(f"/account{query}").content.decode()


def lines(page: str) -> list[str]:
    """The statement's entries, as text."""
    found = page.split('<ul class="statement card">')[1].split("</ul>")[0].split("<li")[1:]
    return [" ".join(re.sub("<[^>]*>", " ", f"<{each}").split()) for each in found]


def test_balance_and_statement_with_comments_newest_first(annas, account, stopped_clock):  # noqa: F811
    book(account, "grant", 1_250, "Welcome <b>back</b>")
    stopped_clock.advance(minutes=1)
    book(account, "payout", 250, "As you asked", internal_comment="by phone")

    answer = annas.get("/account")

    page = answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    assert '<p class="what" id="balance">€10.00</p>' in page
    assert lines(page) == [
        "Paid out −€2.50 As you asked 21 November 2026, 13:01 CET",
        "Credited +€12.50 Welcome &lt;b&gt;back&lt;/b&gt; 21 November 2026, 13:00 CET",
    ]
    assert "by phone" not in page
    assert 'aria-current="page">Account<' in page


def test_it_speaks_german(annas, account, stopped_clock):  # noqa: F811
    book(account, "grant", 1_250, "Willkommen")
    suspend(account, "payout", 200)
    annas.cookies["django_language"] = "de"

    page = shown(annas)

    for words in (
        *("Mein Konto", "Guthaben", f"12,50{NO_BREAK}€", "Kontoauszug", "Gutgeschrieben", "Willkommen"),
        *("Mit einem Code aufladen", "Ausgezahlt", f"−2,00{NO_BREAK}€", "Zählt ab 21. November 2026"),
    ):
        assert words in page


@pytest.mark.parametrize(
    ("language", "words"), [("en", "€2.50 of it is reserved."), ("de", "Davon sind 2,50\u00a0€ reserviert.")]
)
def test_what_is_reserved_of_the_money_is_told_until_it_expires(anna, annas, account, stopped_clock, language, words):  # noqa: F811
    book(account, "grant", 1_000)
    annas.cookies["django_language"] = language
    assert words not in shown(annas)

    place(caller_of(make_client(anna.site)), anna, cash="2.50", seconds=60)
    held = shown(annas)
    stopped_clock.advance(seconds=61)
    ended = shown(annas)

    assert words in held
    assert "10" in held.split('id="balance">')[1].split("<")[0]
    assert words not in ended


def test_a_waiting_booking_is_told_with_its_date_and_counts_from_then_on(annas, account, stopped_clock):  # noqa: F811
    suspend(account, "grant", 500, comment="For Advent")

    before = shown(annas)
    stopped_clock.advance(hours=1)
    after = shown(annas)

    assert 'id="balance">€0.00<' in before
    assert lines(before) == ["Credited +€5.00 For Advent Counts from 21 November 2026, 14:00 CET"]
    assert 'id="balance">€5.00<' in after
    assert lines(after) == ["Credited +€5.00 For Advent 21 November 2026, 14:00 CET"]


def test_what_was_refused_or_cancelled_is_no_entry(annas, account, stopped_clock):  # noqa: F811
    suspend(account, "payout", 500)
    cash_accounts.cancel(suspend(account, "grant", 500), actor_id="u-boss", reason="oops")
    stopped_clock.advance(hours=2)

    assert "Nothing has been booked yet" in shown(annas)


def test_topping_up_goes_through_the_redeem_page_and_leads_back_by_its_receipt(annas, anna, account, demo_site):
    make_code(demo_site, "GIFT-0001", worth_cents=2_500)
    page = annas.get("/account")

    answer = annas.post(reverse("pages:redeem"), {"code": "gift 0001", "form_key": form_key_of(page)})
    again = annas.post(reverse("pages:redeem"), {"code": "gift 0001", "form_key": form_key_of(page)})

    receipt = reverse("pages:receipt", args=[Attempt.objects.get(outcome="redeemed").pk])
    assert answer["Location"] == again["Location"] == receipt
    assert "€25.00 credited" in annas.get(receipt).content.decode()
    statement = shown(annas)
    assert 'id="balance">€25.00<' in statement
    assert receipt in statement
    assert len(lines(statement)) == 1
    # The batch and serial by which staff know it are nothing to the holder.
    assert "Code " not in lines(statement)[0]


def test_what_was_said_with_a_redemption_is_its_comment(annas, anna, demo_site):
    make_code(demo_site, "GIFT-0001", worth_cents=2_500)
    attempt = redeem(anna, "GIFT-0001").attempt
    said = page_of_account.Line.of
    booked = LedgerTransaction.objects.get(pk=attempt.ledger_transaction_id)

    entry = page_of_account.Entry(1, "credit", booked.booked_at, 2_500, "Gift card")
    line = said(entry, anna.ledger_accounts.get().asset, demo_site, None)

    assert (line.what, line.comment) == ("Credited", "Gift card")


def test_each_type_has_words(annas, account, stopped_clock):  # noqa: F811
    from ledger import moving

    for type_, amount in (("grant", 900), ("payout", 100), ("correction", 100)):
        book(account, type_, amount)
    moving.spend(account, 100, comment="bought", actor_id="u-boss")

    said = {line.split(" ")[0] for line in lines(shown(annas))}

    assert said == {"Credited", "Paid", "Corrected", "Spent"}


def test_states_and_a_minimum_are_told_and_a_closed_account_takes_no_code(annas, account):
    change = cash_accounts.change_account
    assert "top up" in shown(annas).lower()

    change(account, state="credit_only", floor=-2_000, actor_id="u-boss", reason="agreed")
    page = shown(annas)
    assert "not go out at the moment" in page
    assert "no less than −€20.00" in page
    assert "Top up with a code" in page
    change(account, state="closed", actor_id="u-boss", reason="gone")
    page = shown(annas)
    assert "This account is closed" in page
    assert "Top up with a code" not in page


def test_without_an_account_the_page_is_calm_and_opens_none(demo_site):
    bob = make_user(demo_site, claimant_id="u-2002")

    page = shown(browser_of(bob))

    assert "You have no money account here" in page
    assert 'id="balance"' not in page
    assert not LedgerAccount.objects.filter(owner=bob).exists()


def test_pages_follow_each_other_without_gap_or_repetition(annas, account, monkeypatch, stopped_clock):  # noqa: F811
    monkeypatch.setattr(page_of_account, "ENTRIES_A_PAGE", 2)
    for number in range(3):
        book(account, "grant", 1, f"gift {number}")
    for number in (3, 4):
        suspend(account, "grant", 1, comment=f"gift {number}")

    said, query = [], ""
    while True:
        page = shown(annas, query)
        said += re.findall("gift ([0-9])", page)
        following = re.search(r'rel="next"\s+href="(\?after=-?[0-9]+)"', page)
        if not following:
            break
        query = following[1]

    assert said == ["4", "3", "2", "1", "0"]
    for nonsense in ("x", "9" * 30, "-", "-99", "%00"):
        assert "gift 4" in shown(annas, f"?after={nonsense}")


def test_nothing_of_others_is_shown(annas, account, demo_site):
    bob = make_claimant(demo_site, claimant_id="u-2002", balance=7_700)
    foreign = make_claimant(make_site(slug="acme"), claimant_id="u-1001", balance=8_800)
    theirs = bob.ledger_accounts.get().credits.get().pk

    page = shown(annas, f"?after={theirs}")

    assert "Nothing has been booked yet" in page
    assert "€77.00" in shown(browser_of(bob))
    assert browser_of(foreign).get("/account").status_code == 302


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get("/account")["Location"] == f"{reverse('pages:sign-in')}?next=%2Faccount"


def test_it_costs_the_same_however_much_was_booked(annas, account, django_assert_max_num_queries):
    for _ in range(12):
        book(account, "grant", 1)
        suspend(account, "grant", 1)

    with django_assert_max_num_queries(15):
        annas.get("/account")


def test_signing_in_leads_back_to_it(stranger, anna):
    asked = stranger.get("/account")["Location"]
    assert 'name="next" value="/account"' in stranger.get(asked).content.decode()
