"""Edits of whole batches in the words of the desk: what is asked, what is foreseen, and what became of it."""

from typing import Any

from django.utils.dateparse import parse_datetime

from accounts.admin.wording import first_day, last_day
from codes.foreseeing import at_least
from codes.models import BatchEdit
from codes.uses import limit
from ledger.admin.money import money
from ledger.models import Asset

PASSED_OVER = {
    "as_wanted": "are so already",
    "being_issued": "are still being issued",
    "deleted": "are deleted",
    "expired": "have expired: extend them first",
    "limit_needed": "have value, and so need a limit",
    "fewer_than_used": "have been used more often than that",
    "used_up": "are used up, not switched off",
    "validity_empty": "would end before they begin",
}
MOVED = {
    "activation": "is issued",
    "unexpiry": "comes back from expired",
    "voiding": "is voided",
}


def asked(kind: str, parameters: dict[str, Any], zone: str) -> str:
    """What is done to each code."""
    if kind == BatchEdit.Kind.USES:
        uses = parameters["max_uses"]
        if limit(uses) is None:
            return "Uses without limit"
        return f"{uses:,} {'use' if uses == 1 else 'uses'} in all"
    parts = []
    for name, day_of, word, nothing in (
        ("valid_from", first_day, "from", "from the beginning"),
        ("valid_until", last_day, "until", "without an end"),
    ):
        if name in parameters:
            value = parameters[name] and parse_datetime(parameters[name])
            parts.append(f"{word} {day_of(value, zone)} ({zone})" if value else nothing)
    if parts:
        return f"Valid {' '.join(parts)}"
    return str(BatchEdit.Kind(kind).label)


def foreseen_rows(foreseen: dict[str, Any]) -> list[tuple[str, str]]:
    """The foreseen numbers, each with what it counts; honest where only a part was looked at."""
    about = "" if foreseen["exact"] else "about "
    rows = [
        ("Codes in the batch", f"{foreseen['codes']:,}"),
        ("Codes that change", f"{about}{foreseen['touched']:,}"),
        ("of these handed out", at_least(foreseen, "handed_out")),
        ("of these used at least once", at_least(foreseen, "used")),
    ]
    return rows + [(f"Value that {what}", f"{about}{amount}") for what, amount in moved_rows(foreseen["moved"])]


def moved_rows(moved: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(what becomes of it, how much) of each value that moves."""
    assets = {asset.code: asset for asset in Asset.objects.filter(code__in={each["asset"] for each in moved})}
    return [(MOVED.get(each["type"], each["type"]), money(assets[each["asset"]], each["amount"])) for each in moved]


def passed_over_rows(reasons: dict[str, int]) -> list[tuple[str, str]]:
    """(how many, why) of the codes that are passed over."""
    return [(f"{count:,}", PASSED_OVER.get(reason, reason.replace("_", " "))) for reason, count in reasons.items()]
