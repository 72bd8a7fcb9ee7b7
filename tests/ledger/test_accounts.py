"""What an account and an asset keep for ever, whoever asks: raw SQL past every deed."""

import pytest

from ledger.models import Asset, LedgerAccount
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import refuse, run, system

pytestmark = pytest.mark.django_db


class TestFixed:
    def test_an_account_keeps_its_owner_asset_and_kind(self, account):
        other_asset, other_user = make_asset("USD"), make_user(account.site)
        for change in (
            {"owner": other_user},
            {"owner": None},
            {"asset": other_asset},
            {"kind": "points"},
            {"site": make_site()},
            {"purpose": "funding"},
            {"batch_number": 1},
            {"id": account.pk + 1_000},
        ):
            refuse(LedgerAccount.objects.filter(pk=account.pk).update, **change, match="never changes|CHECK|check")

        refuse(LedgerAccount.objects.filter(pk=system(account, "funding").pk).update, purpose="external", match="never")

    def test_an_account_is_never_deleted(self, account):
        empty = make_account()

        for each in (account, empty, system(account, "voided")):
            refuse(run, "DELETE FROM ledger_ledgeraccount WHERE id = %s", each.pk, match="never deleted")

    def test_a_site_has_one_system_account_per_purpose_and_an_owner_one_per_kind(self, account):
        site, asset = account.site, account.asset
        system(account, "funding")
        once = {"site": site, "asset": asset}

        refuse(LedgerAccount.objects.create, **once, purpose="funding", match=r"(?i)unique")
        refuse(LedgerAccount.objects.create, **once, owner=account.owner, kind="cash", balance=0, match=r"(?i)unique")
        LedgerAccount.objects.create(**once, purpose="outstanding", batch_number=9)
        refuse(LedgerAccount.objects.create, **once, purpose="outstanding", batch_number=9, match=r"(?i)unique")

    @pytest.mark.parametrize(
        "fields",
        [
            {"kind": "cash", "balance": 0},
            {"purpose": "funding", "balance": 0},
            {"purpose": "funding", "kind": "cash"},
            {"purpose": "funding", "floor": 1},
            {"purpose": "elsewhere"},
            {"purpose": "outstanding"},
            {"purpose": "funding", "batch_number": 1},
            {"purpose": "funding", "state": "ajar"},
        ],
    )
    def test_an_account_is_a_customers_or_the_systems_and_nothing_between(self, account, fields):
        refuse(
            LedgerAccount.objects.create, site=account.site, asset=account.asset, **fields, match="account_|constraint"
        )

    def test_an_asset_keeps_its_code_kind_and_exponent_once_it_exists(self):
        asset = make_asset()
        for change in ({"exponent": 3}, {"code": "DEM"}, {"kind": "points", "exponent": 0}):
            refuse(Asset.objects.filter(pk=asset.pk).update, **change, match="an asset never changes")

        asset.name = "Euro"
        asset.save()
        assert Asset.objects.get(pk=asset.pk).name == "Euro"

    @pytest.mark.parametrize(
        "fields", [{"kind": "stars"}, {"exponent": 7}, {"kind": "points", "exponent": 2}, {"code": "EUR"}]
    )
    def test_assets_that_cannot_be_are_refused(self, fields):
        make_asset()

        refuse(Asset.objects.create, **{"code": "XXX", "kind": "money", "exponent": 2, **fields}, match=".")
