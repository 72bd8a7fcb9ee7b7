"""Writing what the prepaid engine is told about a site. Source: prepaid engine, sections 5 to 7."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing, locking
from accounts.models import PrepaidSettings, Site
from accounts.models.prepaid_settings import MOST_VALID_DAYS

CURRENCY = re.compile(r"[A-Z0-9]{1,12}", re.ASCII)
LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,10}", re.ASCII)
MOST = Decimal(10) ** 15  # Beyond it no balance can be.


def write_settings(
    site: Site,
    *,
    default_language: str,
    default_currency_code: str,
    code_valid_days: int | None,
    least_balance: Decimal,
    actor_id: str,
    reason: str = "",
) -> PrepaidSettings:
    """Set them all, for the first time or anew; language and currency may be empty. Raises ValidationError by field."""
    problems = {}
    if default_language and not LANGUAGE.fullmatch(default_language):
        problems["default_language"] = ["A language by its code, for example de."]
    if default_currency_code and not CURRENCY.fullmatch(default_currency_code):
        problems["default_currency_code"] = ["A currency by its code, for example EUR."]
    if code_valid_days is not None and not 1 <= code_valid_days <= MOST_VALID_DAYS:
        problems["code_valid_days"] = [f"1 to {MOST_VALID_DAYS} days, or none for ever."]
    if not least_balance.is_finite() or abs(least_balance) >= MOST or least_balance != round(least_balance, 4):
        problems["least_balance"] = ["An amount with four decimal places at most."]
    if problems:
        raise ValidationError(problems)
    values = {
        "default_language": default_language,
        "default_currency_code": default_currency_code,
        "code_valid_days": code_valid_days,
        "least_balance": least_balance,
    }
    return change(site, values, "prepaidsettings.change", actor_id, reason)


def switch_maintenance(site: Site, on: bool, *, actor_id: str, reason: str) -> bool:
    """While it is on, no procedure is executed; False if it was so before."""
    with transaction.atomic(durable=True):
        row = lock(site)
        if row.maintenance == on:
            return False
        row.maintenance = on
        row.save(update_fields=["maintenance"])
        _audit("prepaidsettings.maintenance", row, actor_id, {"maintenance": on, "reason": reason.strip()[:200]})
    return True


def license_until(site: Site, until: dt.datetime | None, *, actor_id: str, reason: str) -> PrepaidSettings:
    """From ``until`` on the site has no licence; None: it has one for ever."""
    return change(site, {"licence_until": until}, "prepaidsettings.license", actor_id, reason)


def change(site: Site, values: dict[str, Any], action: str, actor_id: str, reason: str) -> PrepaidSettings:
    with transaction.atomic(durable=True):
        row = lock(site)
        was = {name: str(getattr(row, name)) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=list(values))
        detail = {**{name: str(value) for name, value in values.items()}, "was": was, "reason": reason.strip()[:200]}
        _audit(action, row, actor_id, detail)
    return row


def lock(site: Site) -> PrepaidSettings:
    """The site's row, made if there is none."""
    PrepaidSettings.objects.get_or_create(site=site)
    [row] = locking.lock_rows(PrepaidSettings.objects.filter(site=site))
    return row


def _audit(action: str, row: PrepaidSettings, actor_id: str, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type="prepaidsettings",
        object_id=row.pk,
        detail=detail,
    )
