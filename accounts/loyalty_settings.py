"""Writing and reading what the loyalty protocol is told about a site. Source: loyalty protocol, sections 5, 8 and 9."""

import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, locking
from accounts.models import BusinessUnit, CatalogueItem, IdentifierType, LoyaltySettings, Site
from accounts.models.loyalty import (
    LONGEST_CHANNEL,
    MOST_ADJUSTMENT_DAYS,
    MOST_POINTS,
    MOST_RESERVATION_SECONDS,
    MOST_SESSION_HOURS,
)
from accounts.wording import check_line, is_text

CODE = re.compile(r"[A-Z0-9]{1,12}", re.ASCII)
LONGEST_NAME = 100
LONGEST_ITEM_ID = 64
BOUNDS = {
    "reservation_seconds": (1, MOST_RESERVATION_SECONDS),
    "adjustment_days": (0, MOST_ADJUSTMENT_DAYS),
    "session_hours": (1, MOST_SESSION_HOURS),
}


def settings_of(site: Site) -> LoyaltySettings:
    """The site's settings; of a site that has none the usual ones, with the feature switched off, and not stored."""
    return LoyaltySettings.objects.filter(site=site).first() or LoyaltySettings(site=site)


def write_settings(
    site: Site,
    *,
    voids_enabled: bool = True,
    points_code: str = "PTS",
    reservation_seconds: int = 900,
    adjustment_days: int = 30,
    session_hours: int = 24,
    default_identifier_type: str = IdentifierType.ACCOUNT_ID.value,
    default_channel: str = "APP",
    actor_id: str,
    reason: str = "",
) -> LoyaltySettings:
    """Set them all, for the first time or anew; the feature switch stays. Raises ValidationError by field."""
    values: dict[str, Any] = {
        "voids_enabled": voids_enabled,
        "points_code": points_code,
        "reservation_seconds": reservation_seconds,
        "adjustment_days": adjustment_days,
        "session_hours": session_hours,
        "default_identifier_type": default_identifier_type,
        "default_channel": default_channel,
    }
    problems = {}
    if not CODE.fullmatch(points_code):
        problems["points_code"] = ["An asset by its code, for example PTS."]
    for name, (least, most) in BOUNDS.items():
        if not least <= values[name] <= most:
            problems[name] = [f"{least} to {most:,}."]
    if default_identifier_type not in IdentifierType.values:
        problems["default_identifier_type"] = ["One of the types of identifiers."]
    try:
        check_line("default_channel", default_channel, LONGEST_CHANNEL)
    except ValidationError as error:
        problems.update(error.message_dict)
    if problems:
        raise ValidationError(problems)
    with transaction.atomic(durable=True):
        row = lock(site)
        was = {name: getattr(row, name) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=list(values))
        _audit("loyaltysettings.change", row, row.pk, actor_id, {**values, "was": was, "reason": reason.strip()[:200]})
    return row


def switch_feature(site: Site, on: bool, *, actor_id: str, reason: str) -> bool:
    """Whether points can be reserved and redeemed; False if it was so before. Open reservations expire by themselves."""
    with transaction.atomic(durable=True):
        row = lock(site)
        if row.is_enabled == on:
            return False
        row.is_enabled = on
        row.save(update_fields=["is_enabled"])
        detail = {"is_enabled": on, "reason": reason.strip()[:200]}
        _audit("loyaltysettings.switch", row, row.pk, actor_id, detail)
    return True


def lock(site: Site) -> LoyaltySettings:
    """The site's row, made if there is none."""
    LoyaltySettings.objects.get_or_create(site=site)
    [row] = locking.lock_rows(LoyaltySettings.objects.filter(site=site))
    return row


def is_business_unit(site: Site, name: str) -> bool:
    """Whether it is literally the name of one of the site's business units, byte for byte."""
    return is_text(name) and BusinessUnit.objects.filter(site=site, name=name).exists()


def add_business_unit(site: Site, name: str, *, actor_id: str) -> BusinessUnit:
    """Raises ValidationError."""
    check_line("name", name, LONGEST_NAME)
    try:
        with transaction.atomic(durable=True):
            made = BusinessUnit.objects.create(site=site, name=name)
            _audit("businessunit.create", made, made.pk, actor_id, {"name": name})
    except IntegrityError as error:
        raise ValidationError({"name": ["This site has a business unit of this name already."]}) from error
    return made


def remove_business_unit(unit: BusinessUnit, *, actor_id: str, reason: str) -> bool:
    """Calls that name it are refused from the commit on; redemptions that named it keep the name. False if it was gone."""
    number = unit.pk
    with transaction.atomic(durable=True):
        gone, _ = BusinessUnit.objects.filter(pk=number).delete()
        if gone:
            detail = {"name": unit.name, "reason": reason.strip()[:200]}
            _audit("businessunit.remove", unit, number, actor_id, detail)
    return bool(gone)


def find_items(site: Site, item_ids: Iterable[str]) -> dict[str, CatalogueItem]:
    """The active catalogue items of these IDs, by ID, in one statement; unknown and switched-off ones are missing."""
    asked = {each for each in item_ids if is_text(each)}
    rows = CatalogueItem.objects.filter(site=site, item_id__in=asked, is_active=True)
    return {row.item_id: row for row in rows} if asked else {}


def add_item(site: Site, item_id: str, name: str, points: int, *, actor_id: str) -> CatalogueItem:
    """An active item that costs ``points`` each. Raises ValidationError."""
    check_line("item_id", item_id, LONGEST_ITEM_ID)
    check_item(name, points)
    try:
        with transaction.atomic(durable=True):
            made = CatalogueItem.objects.create(site=site, item_id=item_id, name=name, points=points)
            _audit(
                "catalogueitem.create", made, made.pk, actor_id, {"item_id": item_id, "name": name, "points": points}
            )
    except IntegrityError as error:
        raise ValidationError({"item_id": ["This site has an item of this ID already."]}) from error
    return made


def change_item(item: CatalogueItem, name: str, points: int, is_active: bool, *, actor_id: str) -> CatalogueItem:
    """Its ID stays; reservations that were made keep their amount. Raises ValidationError."""
    check_item(name, points)
    values = {"name": name, "points": points, "is_active": is_active}
    with transaction.atomic(durable=True):
        [row] = locking.lock_ids(CatalogueItem, [item.pk]).values()
        was = {field: getattr(row, field) for field in values}
        for field, value in values.items():
            setattr(row, field, value)
        row.save(update_fields=list(values))
        _audit("catalogueitem.change", row, row.pk, actor_id, {"item_id": row.item_id, **values, "was": was})
    return row


def check_item(name: str, points: int) -> None:
    check_line("name", name, LONGEST_NAME)
    if not 1 <= points <= MOST_POINTS:
        raise ValidationError({"points": [f"1 to {MOST_POINTS:,} points."]})


def _audit(
    action: str,
    row: LoyaltySettings | BusinessUnit | CatalogueItem,
    number: int,
    actor_id: str,
    detail: dict[str, Any],
) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type=row._meta.model_name or "",
        object_id=number,
        detail=detail,
    )
