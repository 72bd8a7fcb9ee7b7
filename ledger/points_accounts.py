"""Points accounts: opening one. What is on it came by grants, codes and voids, and leaves by spending, expiry and correction."""

from django.db import IntegrityError, transaction

from accounts.models import User
from ledger.cash_accounts import AccountExists, audit
from ledger.models import Asset, LedgerAccount


def open_points_account(owner: User, asset: Asset, *, actor_id: str, reason: str = "") -> LedgerAccount:
    """Open the owner's points account in this programme. Audited; inside the caller's transaction if there is one.

    Raises AccountExists, and ValueError for staff of no site and for money.
    """
    if owner.site_id is None:
        raise ValueError("Only a site's user can own an account.")
    if asset.kind != Asset.Kind.POINTS:
        raise ValueError("A points account counts points.")
    with transaction.atomic():
        try:
            with transaction.atomic():
                account = LedgerAccount.objects.create(
                    site_id=owner.site_id, owner=owner, asset=asset, kind=LedgerAccount.Kind.POINTS, balance=0
                )
        except IntegrityError as error:
            raise AccountExists from error
        audit("account.open", account, actor_id, {"asset": asset.code, "reason": reason})
    return account


def points_account(owner: User) -> LedgerAccount | None:
    """The owner's points account with its asset, if they have one."""
    return LedgerAccount.objects.select_related("asset").filter(owner=owner, kind=LedgerAccount.Kind.POINTS).first()
