"""Customers' accounts on the desk: opening, booking now or from a date on, changing, calling off; each once, and audited."""

import datetime as dt

import pytest

from accounts import clock
from accounts.models import AuditRecord
from ledger import cash_accounts
from ledger.balances import balance
from ledger.models import LedgerAccount, LedgerTransaction, SuspendedBooking
from tests.admin.desk import World, list_of, page_of, text_of
from tests.codes.conftest import stopped_clock  # noqa: F401 (a fixture)
from tests.factories import make_account, make_asset, make_user

pytestmark = pytest.mark.django_db
ONCE = "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a14"
BOOKED = {"type": "payout", "amount": "2.50", "comment": "as you asked", "reason": "by phone"}


@pytest.fixture
def account(world: World) -> LedgerAccount:
    return LedgerAccount.objects.get(owner=world.claimant)


def audits(action: str) -> list[AuditRecord]:
    return list(AuditRecord.objects.filter(action=action).order_by("id"))


@pytest.mark.parametrize(("type_", "change"), [("grant", 250), ("payout", -250), ("correction", -250)])
def test_a_booking_moves_value_at_once_and_its_reason_stays_in_the_audit(
    world: World, account: LedgerAccount, type_: str, change: int
):
    browser = world.sign_in("manager")
    for _ in range(2):  # Sent twice, done once.
        answer = browser.post(page_of(account, "book"), BOOKED | {"type": type_, "once": ONCE}, follow=True)

    assert "2.50 EUR booked" in text_of(answer)
    assert balance(account) == 500 + change
    booked = LedgerTransaction.objects.get(reference=f"desk {ONCE}")
    assert (booked.type, booked.comment) == (type_, "as you asked")
    [audit] = [each for each in audits(f"ledger.{type_}") if each.detail.get("internal_comment")]
    assert audit.detail == {"amount": change, "transaction": str(booked.pk), "internal_comment": "by phone"}
    assert audit.actor_id == world.staff["manager"].claimant_id
    page = text_of(browser.get(page_of(account)))
    assert "as you asked" in page
    assert "by phone" not in page


def test_a_booking_from_a_date_on_is_read_on_the_clocks_of_the_site_and_waits(world: World, account: LedgerAccount):
    world.site.time_zone = "Europe/Berlin"
    world.site.save()
    browser = world.sign_in("manager")

    answer = browser.post(page_of(account, "book"), BOOKED | {"due_at": "2099-07-01T12:00", "once": ONCE}, follow=True)
    browser.post(page_of(account, "book"), BOOKED | {"due_at": "2099-07-01T12:00", "once": ONCE})

    page = text_of(answer)
    assert "-2.50 EUR will count from 2099-07-01 12:00:00 Europe/Berlin on" in page
    assert "(waits for its date)" in page
    waiting = SuspendedBooking.objects.get(comment="as you asked")
    assert waiting.due_at == dt.datetime(2099, 7, 1, 10, 0, tzinfo=dt.UTC)
    assert balance(account) == 500
    [audit] = audits("ledger.payout")
    assert audit.detail["suspended_booking"] == waiting.pk
    assert page_of(waiting) in page
    assert "as you asked" in text_of(browser.get(list_of("ledger_suspendedbooking")))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"amount": "5.01"}, "below the account"),
        ({"amount": "0"}, "greater than zero"),
        ({"amount": "0.001"}, "at most 2 decimal places"),
        ({"type": "credit"}, "Select a valid choice"),
        ({"comment": ""}, "This field is required"),
        ({"reason": ""}, "This field is required"),
        ({"due_at": "2001-01-01T00:00"}, "That moment has passed"),
        ({"due_at": "0001-01-01T00:00"}, "passed|calendars"),
        ({"due_at": "9999-12-31T23:59"}, ""),
        ({"due_at": "tomorrow"}, "Enter a valid date/time"),
        ({"type": "grant", "amount": "9999999999999"}, "at most 10"),
    ],
)
def test_what_cannot_be_booked_is_said_and_moves_nothing(world: World, account: LedgerAccount, form: dict, said: str):
    import re

    before = balance(account), LedgerTransaction.objects.count()

    answer = world.sign_in("manager").post(page_of(account, "book"), BOOKED | form)

    assert answer.status_code in (200, 302)
    assert re.search(said, text_of(answer))
    assert (balance(account), LedgerTransaction.objects.count()) == before


def test_a_waiting_booking_is_cancelled_once_with_a_reason(world: World, account: LedgerAccount):
    waiting = world.rows["ledger_suspendedbooking"]
    browser = world.sign_in("manager")
    assert "This field is required" in text_of(browser.post(page_of(waiting, "cancel"), {}))

    answer = browser.post(page_of(waiting, "cancel"), {"reason": "entered twice"}, follow=True)

    assert "The booking was cancelled" in text_of(answer)
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    assert [audit.detail["reason"] for audit in audits("account.cancel_booking")] == ["entered twice"]
    assert "is not possible any more" in text_of(browser.get(page_of(waiting, "cancel"), follow=True))
    page = text_of(browser.get(page_of(account)))
    assert "Refused or cancelled" in page
    assert balance(account, clock.read() + dt.timedelta(days=9)) == 500


def test_a_booking_that_ended_meanwhile_is_said_to_have(world: World, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise cash_accounts.NotWaiting

    monkeypatch.setattr(cash_accounts, "cancel", refuse)
    answer = world.sign_in("manager").post(page_of(world.rows["ledger_suspendedbooking"], "cancel"), {"reason": "x"})

    assert "It does not wait any more" in text_of(answer)


def test_state_and_minimum_are_changed_with_a_reason(world: World, account: LedgerAccount):
    browser = world.sign_in("manager")
    page = text_of(browser.get(page_of(account, "change_account")))
    assert 'value="0.00"' in page

    form = {"state": "credit_only", "floor": "-20", "reason": "agreed"}
    answer = browser.post(page_of(account, "change_account"), form, follow=True)

    assert "may only be credited, minimum -20.00 EUR" in text_of(answer)
    account.refresh_from_db()
    assert (account.state, account.floor) == ("credit_only", -2_000)
    [audit] = audits("account.change")
    assert audit.detail == {"state": ["open", "credit_only"], "floor": [0, -2_000], "reason": "agreed"}
    assert "does not permit it" in text_of(browser.post(page_of(account, "book"), BOOKED))
    assert balance(account) == 500


@pytest.mark.parametrize(
    "form",
    [{"floor": "much"}, {"floor": "1.001"}, {"floor": "--5"}, {"floor": "9" * 19}, {"state": "ajar"}, {"reason": ""}],
)
def test_a_wrong_change_changes_nothing(world: World, account: LedgerAccount, form: dict):
    given = {"state": "closed", "floor": "0", "reason": "x"} | form

    answer = world.sign_in("manager").post(page_of(account, "change_account"), given)

    assert answer.status_code == 200
    account.refresh_from_db()
    assert (account.state, account.floor) == ("open", 0)


def test_an_account_is_opened_for_a_claimant_who_has_none(world: World):
    make_asset("USD")
    user = make_user(world.site, claimant_id="u-new")
    browser = world.sign_in("manager")
    dollars = make_asset("USD")

    form = {"asset": dollars.pk, "floor": "-10", "reason": "asked for it"}
    answer = browser.post(page_of(user, "open_account"), form, follow=True)

    account = LedgerAccount.objects.get(owner=user)
    assert "The account was opened" in text_of(answer)
    assert (account.asset, account.floor, account.balance, account.kind) == (dollars, -1_000, 0, "cash")
    [audit] = audits("account.open")
    assert audit.detail == {"asset": "USD", "floor": -1_000, "reason": "asked for it"}
    assert page_of(user, "open_account") not in text_of(browser.get(page_of(user)))
    browser.post(page_of(user, "open_account"), form)
    assert LedgerAccount.objects.filter(owner=user).count() == 1


def test_points_are_no_currency_for_a_cash_account(world: World):
    user = make_user(world.site, claimant_id="u-new")
    points = make_asset("PTS")

    answer = world.sign_in("manager").post(
        page_of(user, "open_account"), {"asset": points.pk, "floor": "0", "reason": "x"}
    )

    assert "Select a valid choice" in text_of(answer)
    assert not LedgerAccount.objects.filter(owner=user).exists()


def test_a_long_statement_goes_over_pages(world: World, monkeypatch: pytest.MonkeyPatch):
    from ledger.admin import accounts

    monkeypatch.setattr(accounts, "STATEMENT", 2)
    account = make_account(make_user(world.site))
    for number in range(3):
        cash_accounts.perform(account, "grant", 1, comment=f"gift {number}", actor_id="u-boss")
    browser = world.sign_in("support")

    first = text_of(browser.get(page_of(account)))
    after = first.split("?after=")[1].split('"')[0]
    second = text_of(browser.get(page_of(account), {"after": after}))

    assert ["gift" in page and page.count("gift ") for page in (first, second)] == [2, 1]
    for nonsense in ("x", "-", "9" * 30, "-9"):
        assert "gift 2" in text_of(browser.get(page_of(account), {"after": nonsense}))


def test_a_booking_that_has_come_due_shows_on_the_desk_before_it_is_posted(world: World, account, stopped_clock):  # noqa: F811
    stopped_clock.now = world.rows["ledger_suspendedbooking"].due_at
    browser = world.sign_in("support")

    assert "6.00 EUR" in text_of(browser.get(page_of(account)))
    assert "6.00 EUR" in text_of(browser.get(list_of("ledger_ledgeraccount")))
    assert "6.00 EUR" in text_of(browser.get(page_of(world.claimant)))
    assert "(waits for its date)" not in text_of(browser.get(page_of(account)))
