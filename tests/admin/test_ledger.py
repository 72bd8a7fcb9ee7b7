"""The books on the desk: read-only, now and as of any moment, and granting value once."""

import datetime as dt

import pytest

from accounts import clock
from accounts.models import AuditRecord
from ledger import cash_accounts
from ledger.admin.money import minor_units, money
from ledger.balances import balance
from ledger.models import Asset, LedgerAccount, LedgerTransaction
from tests.admin.desk import World, list_of, page_of, text_of
from tests.factories import make_asset

pytestmark = pytest.mark.django_db
BOOKED = {"type": "grant", "amount": "1", "comment": "x", "reason": "x"}


@pytest.fixture
def account(world: World) -> LedgerAccount:
    return LedgerAccount.objects.get(owner=world.claimant)


def test_an_account_shows_its_balance_and_its_newest_transfers(world: World, account: LedgerAccount):
    page = text_of(world.sign_in("support").get(page_of(account)))

    assert "5.00 EUR" in page[page.index('id="figure-balance"') :][:60]
    assert "Code credited" in page
    assert 'name="_save"' not in page


def test_a_balance_as_of_any_moment_in_the_sites_time_zone(world: World, account: LedgerAccount):
    world.site.time_zone = "Europe/Berlin"
    world.site.save()
    browser = world.sign_in("support")

    def read(typed: str) -> str:
        page = text_of(browser.get(page_of(account), {"as_of": typed}))
        start = page.find('id="figure-balance-then"')
        return page[start:].split(">")[1].split("<")[0].strip() if start >= 0 else ""

    before = clock.read() - dt.timedelta(days=1)
    assert read(before.strftime("%Y-%m-%dT%H:%M")) == "0.00 EUR"
    assert read("2999-01-01T00:00") == "5.00 EUR"
    for nonsense in ("yesterday", "2026-13-01T00:00", "0001-01-01T00:00", "9999-12-31T23:59:59", "\x00"):
        assert read(nonsense) in ("", "0.00 EUR", "5.00 EUR")


def test_a_system_account_is_summed_on_its_page_and_nowhere_else(world: World):
    funding = LedgerAccount.objects.get(site=world.site, purpose="funding")
    browser = world.sign_in("support")

    assert "-90.00 EUR" in text_of(browser.get(page_of(funding)))
    assert "-90.00 EUR" not in text_of(browser.get(list_of("ledger_ledgeraccount")))
    assert page_of(funding, "book") not in text_of(world.sign_in("manager").get(page_of(funding)))


def test_a_transaction_shows_where_the_value_went(world: World):
    booked = world.rows["ledger_ledgertransaction"]
    page = text_of(world.sign_in("support").get(page_of(booked)))

    for told in ("Code credited", "5.00 EUR", "outstanding, batch", world.claimant.name):
        assert told in page


def test_transactions_are_found_by_their_whole_id(world: World):
    booked = world.rows["ledger_ledgertransaction"]
    browser = world.sign_in("support")

    assert page_of(booked) in text_of(browser.get(list_of("ledger_ledgertransaction"), {"q": str(booked.pk)}))
    assert page_of(booked) not in text_of(browser.get(list_of("ledger_ledgertransaction"), {"q": "x'; --"}))


def test_granting_books_once_however_often_the_form_is_sent(world: World, account: LedgerAccount):
    form = BOOKED | {"amount": "7.25", "comment": "for the delay", "once": "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a14"}
    browser = world.sign_in("manager")
    before = balance(account)
    for _ in range(2):
        answer = browser.post(page_of(account, "book"), form, follow=True)

    assert "7.25 EUR booked" in text_of(answer)
    assert balance(account) == before + 725
    granted = LedgerTransaction.objects.get(type="grant", comment="for the delay")
    assert granted.transfers.get().credit_account == account
    audit = AuditRecord.objects.get(action="ledger.grant", detail__transaction=str(granted.pk))
    assert audit.actor_id == world.staff["manager"].claimant_id


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"amount": "0", "comment": "x"}, "greater than zero"),
        ({"amount": "-5", "comment": "x"}, "greater than zero"),
        ({"amount": "1.001", "comment": "x"}, "at most 2 decimal places"),
        ({"amount": "9" * 20, "comment": "x"}, "too large"),
        ({"amount": "99999999999999", "comment": "x"}, "too large"),
        ({"amount": "5", "comment": ""}, "This field is required"),
        ({"amount": "five", "comment": "x"}, "Write the amount as a number"),
        ({}, "This field is required"),
    ],
)
def test_a_wrong_amount_grants_nothing(world: World, account: LedgerAccount, form: dict, said: str):
    before = balance(account), LedgerTransaction.objects.count()
    answer = world.sign_in("manager").post(page_of(account, "book"), {"type": "grant", "reason": "x"} | form)

    assert said in text_of(answer)
    assert (balance(account), LedgerTransaction.objects.count()) == before


def test_a_closed_account_is_offered_no_grant_and_a_raised_floor_is_said_in_words(world: World, account: LedgerAccount):
    browser = world.sign_in("manager")
    LedgerAccount.objects.filter(pk=account.pk).update(floor=10_000)
    assert "below the account&#x27;s minimum" in text_of(browser.post(page_of(account, "book"), BOOKED))
    LedgerAccount.objects.filter(pk=account.pk).update(state="closed")
    assert page_of(account, "book") not in text_of(browser.get(page_of(account)))
    browser.post(page_of(account, "book"), BOOKED)
    assert balance(account) == 500


def test_an_account_closed_meanwhile_refuses_in_words(
    world: World, account: LedgerAccount, monkeypatch: pytest.MonkeyPatch
):
    from ledger.refusals import AccountLocked

    def refuse(*_: object, **__: object) -> None:
        raise AccountLocked

    monkeypatch.setattr(cash_accounts, "perform", refuse)
    answer = world.sign_in("manager").post(page_of(account, "book"), BOOKED)

    assert "does not permit it" in text_of(answer)


def test_assets_are_added_by_superusers_and_their_meaning_never_changes(world: World):
    root = world.sign_in("superuser")
    root.post(list_of("ledger_asset", "add"), {"code": "JPY", "name": "Yen", "kind": "money", "exponent": "0"})
    yen = Asset.objects.get(code="JPY")
    root.post(page_of(yen), {"code": "XXX", "name": "Japanese yen", "kind": "points", "exponent": "2"})
    yen.refresh_from_db()

    assert (yen.code, yen.name, yen.kind, yen.exponent) == ("JPY", "Japanese yen", "money", 0)
    wrong = root.post(list_of("ledger_asset", "add"), {"code": "PTX", "name": "x", "kind": "points", "exponent": "2"})
    assert wrong.status_code == 200
    assert not Asset.objects.filter(code="PTX").exists()
    assert AuditRecord.objects.filter(object_type="asset").count() == 2


def test_amounts_are_written_and_read_without_rounding():
    euro, points = make_asset("EUR"), make_asset("PTS")

    assert [money(euro, n) for n in (0, 5, -1234550)] == ["0.00 EUR", "0.05 EUR", "-12,345.50 EUR"]
    assert money(points, 1200) == "1,200 PTS"
    assert minor_units(euro, " 12.5 ") == 1250
    assert minor_units(points, "3") == 3
