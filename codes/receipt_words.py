"""A receipt in words, in the language that is active: what pages show and mails tell."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from accounts.models import Site
from codes.models import Attempt, WorkItem

SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}
NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class Line:
    """One fact of a receipt."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a redemption's receipt says; ``headline`` is what was given, in a few words."""

    id: UUID
    number: str
    code: str
    headline: str
    note: str
    redeemed_on: str
    is_reversed: bool
    lines: list[Line] = field(default_factory=list)

    @classmethod
    def of(cls, attempt: Attempt, code: str, site: Site) -> "Receipt":
        """The receipt of a redemption; ``code`` is the display form."""
        result, number = attempt.result or {}, attempt.receipt_id or ""
        headline, note = summary(attempt)
        redeemed_on = moment(attempt.decided_at, site)
        lines = [
            Line(_("Code"), code, is_code=True),
            Line(_("Redeemed on"), redeemed_on),
            Line(_("Receipt"), number),
        ]
        if "balance_after" in result:
            lines.append(Line(_("Balance afterwards"), amount(result["balance_after"], unit_of(result))))
        if uses_left := attempt.uses_left:
            lines.append(Line(_("Uses left"), number_format(uses_left)))
        if attempt.reference:
            lines.append(Line(_("Reference"), attempt.reference))
        is_reversed = getattr(attempt, "reversal", None) is not None
        return cls(attempt.pk, number, code, headline, note, redeemed_on, is_reversed, lines)


def summary(attempt: Attempt) -> tuple[str, str]:
    """What was given and, where there is more to say, what comes next."""
    result = attempt.result or {}
    given = result.get("amount", result.get("points"))
    if given is not None:
        words = {"amount": amount(given, unit_of(result))}
        return (_("%(amount)s refunded") if attempt.action == "refund" else _("%(amount)s credited")) % words, ""
    if "tags" in result:
        return _("Unlocked: %(names)s") % {"names": ", ".join(result["tags"])}, ""
    if "licences" in result:
        count = len(result["licences"])
        return ngettext("Unlocked: %(count)d title", "Unlocked: %(count)d titles", count) % {"count": count}, ""
    if "item" in result:
        item = getattr(attempt, "work_item", None)
        is_done = item is not None and item.state == WorkItem.State.DONE
        return result["item"], _("Handed over.") if is_done else _("It is noted, and will be handed over to you.")
    return _("Redeemed"), ""


def unit_of(result: dict[str, Any]) -> str:
    return str(result.get("currency", result.get("unit", "")))


def amount(number: str | int, asset: str) -> str:
    """An amount as the language writes it: €25.00 in English, 25,00 € in German; points and rarer currencies by their code."""
    try:
        value = Decimal(str(number))
    except InvalidOperation:
        return f"{number}{NO_BREAK}{asset}"
    places = max(0, -int(value.as_tuple().exponent))
    written = number_format(abs(value), decimal_pos=places, use_l10n=True, force_grouping=True)
    sign = "−" if value < 0 else ""
    symbol = SYMBOLS.get(asset, "")
    if get_language() == "en" and symbol:
        return f"{sign}{symbol}{written}"
    return f"{sign}{written}{NO_BREAK}{symbol or asset}".rstrip(NO_BREAK)


def moment(instant: dt.datetime, site: Site) -> str:
    """Day and minute on the site's clocks, with the name of their time."""
    pattern = pgettext("date format", "j F Y, H:i T")
    return date_format(instant.astimezone(ZoneInfo(site.time_zone)), pattern)
