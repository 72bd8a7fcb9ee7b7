"""Writing and reading what the loyalty protocol is told about a site. Source: loyalty protocol, sections 5, 8 and 9."""

from collections.abc import Iterable

from accounts.models import BusinessUnit, CatalogueItem, LoyaltySettings, Site


def settings_of(site: Site) -> LoyaltySettings:
    """The site's settings; of a site that has none the usual ones, with the feature switched off, and not stored."""
    raise NotImplementedError


def write_settings(
    site: Site,
    *,
    voids_enabled: bool,
    points_code: str,
    reservation_seconds: int,
    adjustment_days: int,
    session_hours: int,
    default_identifier_type: str,
    default_channel: str,
    actor_id: str,
    reason: str = "",
) -> LoyaltySettings:
    """Set them all, for the first time or anew; the feature switch stays. Raises ValidationError by field."""
    raise NotImplementedError


def switch_feature(site: Site, on: bool, *, actor_id: str, reason: str) -> bool:
    """Whether points can be reserved and redeemed; False if it was so before. Open reservations expire by themselves."""
    raise NotImplementedError


def is_business_unit(site: Site, name: str) -> bool:
    """Whether it is literally the name of one of the site's business units, byte for byte."""
    raise NotImplementedError


def add_business_unit(site: Site, name: str, *, actor_id: str) -> BusinessUnit:
    """Raises ValidationError."""
    raise NotImplementedError


def remove_business_unit(unit: BusinessUnit, *, actor_id: str, reason: str) -> None:
    """Calls that name it are refused from the commit on; redemptions that named it keep the name."""
    raise NotImplementedError


def find_items(site: Site, item_ids: Iterable[str]) -> dict[str, CatalogueItem]:
    """The active catalogue items of these IDs, by ID, in one statement; unknown and switched-off ones are missing."""
    raise NotImplementedError


def add_item(site: Site, item_id: str, name: str, points: int, *, actor_id: str) -> CatalogueItem:
    """An active item that costs ``points`` each. Raises ValidationError."""
    raise NotImplementedError


def change_item(item: CatalogueItem, name: str, points: int, is_active: bool, *, actor_id: str) -> CatalogueItem:
    """Its ID stays; reservations that were made keep their amount. Raises ValidationError."""
    raise NotImplementedError
