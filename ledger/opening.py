"""Opening accounts: a customer's, a site's system accounts, a batch's outstanding account; users who start with one."""

from typing import Any

from django.db import transaction

from accounts.models import Site, User
from ledger.models import Asset, LedgerAccount

Purpose = LedgerAccount.Purpose
SITE_PURPOSES = (Purpose.FUNDING, Purpose.EXPIRED, Purpose.VOIDED, Purpose.EXTERNAL)


def open_account(owner: User, asset: Asset, floor: int = 0) -> LedgerAccount:
    """The owner's account for this kind of asset, opened if there is none; the asset of an open one stays.

    Raises ValueError for staff of no site.
    """
    if owner.site_id is None:
        raise ValueError("Only a site's user can own an account.")
    kind = LedgerAccount.Kind.CASH if asset.kind == Asset.Kind.MONEY else LedgerAccount.Kind.POINTS
    account, _ = LedgerAccount.objects.get_or_create(
        owner=owner, kind=kind, defaults={"site_id": owner.site_id, "asset": asset, "balance": 0, "floor": floor}
    )
    return account


def system_accounts(site_id: int, asset: Asset) -> dict[str, LedgerAccount]:
    """The site's funding, expired, voided and external accounts in this asset, by purpose; opened at first use."""
    of_site: dict[str, Any] = {"site_id": site_id, "asset": asset, "owner": None, "batch_number": None}
    found = {account.purpose: account for account in LedgerAccount.objects.filter(**of_site)}
    for purpose in SITE_PURPOSES:
        if purpose not in found:
            found[purpose], _ = LedgerAccount.objects.get_or_create(**of_site, purpose=purpose)
    return {str(purpose): found[purpose] for purpose in SITE_PURPOSES}


def outstanding_account(site_id: int, asset: Asset, batch_number: int) -> LedgerAccount:
    """The account that counts a batch's issued and not yet used value in this asset; opened at first use."""
    account, _ = LedgerAccount.objects.get_or_create(
        site_id=site_id, asset=asset, owner=None, purpose=Purpose.OUTSTANDING, batch_number=batch_number
    )
    return account


def create_claimant(site: Site, email: str = "", password: str | None = None, **fields: Any) -> User:
    """Create a user of ``site``, with the site's default cash account if the site has one.

    Raises IntegrityError if the site knows the e-mail or claimant ID already.
    """
    with transaction.atomic():
        user = User.objects.create_user(site, email, password, **fields)
        if site.default_asset_code:
            open_account(user, Asset.objects.get(code=site.default_asset_code))
    return user
