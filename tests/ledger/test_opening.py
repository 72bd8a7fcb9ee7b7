"""Opening accounts: one per owner and kind, one per purpose, and users who start with one."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from ledger import opening
from ledger.models import Asset, LedgerAccount
from tests.factories import make_asset, make_site, make_user

pytestmark = pytest.mark.django_db


def test_an_account_is_opened_once_per_kind():
    user = make_user()

    cash = opening.open_account(user, make_asset("EUR"), floor=-5)
    points = opening.open_account(user, make_asset("PTS"))

    assert (cash.kind, cash.balance, cash.floor, cash.state, cash.site_id) == ("cash", 0, -5, "open", user.site_id)
    assert points.kind == "points"
    assert opening.open_account(user, make_asset("EUR")) == cash


def test_the_asset_of_an_open_account_stays():
    user = make_user()
    cash = opening.open_account(user, make_asset("EUR"))

    again = opening.open_account(user, make_asset("USD"))

    assert again == cash
    assert again.asset.code == "EUR"


def test_staff_of_no_site_own_nothing():
    with pytest.raises(ValueError, match="site's user"):
        opening.open_account(User.objects.create_user(None, "boss@example.test"), make_asset())


def test_system_accounts_are_opened_at_first_use_and_found_again():
    site, asset = make_site(), make_asset()

    first = opening.system_accounts(site.pk, asset)

    assert set(first) == {"funding", "expired", "voided", "external"}
    assert opening.system_accounts(site.pk, asset) == first
    assert opening.outstanding_account(site.pk, asset, 1) == opening.outstanding_account(site.pk, asset, 1)
    assert opening.outstanding_account(site.pk, asset, 1) != opening.outstanding_account(site.pk, asset, 2)


def test_every_site_has_system_accounts_of_its_own():
    asset = make_asset()

    here, there = (opening.system_accounts(make_site().pk, asset)["funding"] for _ in range(2))

    assert here != there


def test_a_claimant_starts_with_the_sites_default_account():
    make_asset("EUR")

    user = opening.create_claimant(make_site(default_asset_code="EUR"), "Ada@example.test", claimant_id="u-1")

    [account] = user.ledger_accounts.all()
    assert (user.email, user.claimant_id) == ("ada@example.test", "u-1")
    assert (account.kind, account.asset.code, account.balance) == ("cash", "EUR", 0)


def test_without_a_default_a_claimant_starts_without_an_account():
    assert not opening.create_claimant(make_site()).ledger_accounts.exists()


def test_a_claimant_who_cannot_be_made_leaves_nothing():
    make_asset("EUR")
    site = make_site(default_asset_code="EUR")
    opening.create_claimant(site, claimant_id="u-1")

    with pytest.raises(IntegrityError), transaction.atomic():
        opening.create_claimant(site, claimant_id="u-1")
    site.default_asset_code = "XXX"
    with pytest.raises(Asset.DoesNotExist), transaction.atomic():
        opening.create_claimant(site, claimant_id="u-2")

    assert User.objects.filter(site=site).count() == 1
    assert LedgerAccount.objects.filter(site=site).count() == 1


def test_minor_units_are_told_as_decimals():
    assert str(make_asset("EUR").major(2_500)) == "25.00"
    assert str(make_asset("EUR").major(-5)) == "-0.05"
    assert str(make_asset("PTS").major(7)) == "7"
