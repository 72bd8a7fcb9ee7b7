"""Points accounts: opening one. What is on it came by grants, codes and voids, and leaves by spending, expiry and correction."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from accounts import clock
from accounts.models import LoyaltySettings, User
from ledger.cash_accounts import AccountExists, audit
from ledger.coming_due import foresee, read_accounts
from ledger.lots import LotStanding
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


class NoProgramme(ValueError):
    """The site names no asset of points that there is."""


def programme_of(site_id: int) -> Asset:
    """The asset in which the site keeps points. Raises NoProgramme."""
    settings = LoyaltySettings.objects.filter(site=site_id).first() or LoyaltySettings(site_id=site_id)
    asset = Asset.objects.filter(code=settings.points_code, kind=Asset.Kind.POINTS).first()
    if asset is None:
        raise NoProgramme(f"The site's programme of points, {settings.points_code}, does not exist.")
    return asset


def ensure_points_account(owner: User, *, actor_id: str) -> LedgerAccount:
    """The owner's points account; opened in the site's programme if there is none. Raises NoProgramme; ValueError for staff."""
    account = points_account(owner)
    if account is None:
        if owner.site_id is None:
            raise ValueError("Only a site's user can own an account.")
        try:
            open_points_account(owner, programme_of(owner.site_id), actor_id=actor_id, reason="points are granted")
        except AccountExists:
            """Somebody has opened it just now."""
        account = points_account(owner)
    assert account is not None
    return account


@dataclass(frozen=True, slots=True)
class PointsReading:
    """What is on a points account now, in whole points; ``lots`` are those with something left, the first to expire first.

    What has come due counts, though nobody has posted it yet. What the balance has beyond its lots never expires. Of a lot whose
    date has passed only what is held is left.
    """

    balance: int
    held: int
    lots: list[LotStanding]

    @property
    def available(self) -> int:
        return max(0, self.balance - self.held)


def read_points(account: LedgerAccount) -> PointsReading:
    """Without a lock, in one statement."""
    now = clock.read()
    standing = foresee(read_accounts([account.pk], now), now).standings[account.pk]
    lots = [lot for lot in standing.lots or [] if lot.remaining]
    return PointsReading(standing.balance or 0, standing.held, lots)
