"""Codes that open content, as their publisher sees them: which there are, and each with what it gives and who has used it.

They are ordinary codes; what makes them the publisher's is their action. A batch is shown while it has one that is not deleted.
"""

import datetime as dt
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from django.db.models import Exists, F, Max, Min, OuterRef, QuerySet

from codes import keys, lookup
from codes.models import Attempt, Batch, Code, IssueOrder, Terms
from codes.refusals import CodeFormatInvalid
from codes.uses import MOST_USES

log = logging.getLogger(__name__)

# What each action takes from its terms. The session ones give to a browser, whoever is signed in, so nobody's name is kept.
PARAMETERS = {
    "add_tags": ("tags",),
    "apply_offer": ("access_control",),
    "session_license": ("access_control",),
    "apply_offer_match": ("access_control", "match"),
    "session_license_match": ("access_control", "match"),
}
ACTIONS = tuple(PARAMETERS)
SESSION_ACTIONS = frozenset({"session_license", "session_license_match"})
SHOWN_BATCHES = (Batch.State.ACTIVE, Batch.State.DISABLED)
PAGE = 2_000  # Serials that one statement reads.
MOST_TERMS = 10_000  # Remembered at once.
MOST_REDEMPTIONS = 20_000  # Whose claimants one statement reads.


@dataclass(frozen=True, slots=True)
class ContentCode:
    """One code as it stood when its page was read. ``redeemed_by`` are account names in order of redemption, None for session
    codes; ``text`` is empty where no live key opens it."""

    id: int
    serial: int
    text: str
    batch: str
    action: str
    parameters: dict[str, Any]
    is_active: bool
    uses_left: int
    valid_until: dt.datetime | None
    last_redeemed_at: dt.datetime | None
    redeemed_by: list[str] | None


class Row(NamedTuple):
    """What a page reads of each code."""

    pk: int
    serial: int
    sealed: bytes
    key_version: int
    state: str
    max_uses: int
    uses: int
    redemptions: int
    valid_until: dt.datetime | None
    last_redeemed_at: dt.datetime | None
    terms_id: int


@dataclass(frozen=True, slots=True)
class Span:
    """Codes of one batch by serial, both ends included."""

    batch: Batch
    first: int
    last: int


def orders() -> "QuerySet[IssueOrder]":
    """The orders whose codes are the publisher's: a code has the action of its order's terms, whatever else was changed."""
    return IssueOrder.objects.filter(state=IssueOrder.State.DONE, terms__action__in=ACTIONS, emptied_at=None)


def codes_of(batch: Batch) -> "QuerySet[Code]":
    """The codes of the batch that are the publisher's and not deleted."""
    return Code.objects.filter(batch=batch, order__in=orders().filter(batch=batch)).exclude(state=Code.State.DELETED)


def batches_of(site_id: int) -> "QuerySet[Batch]":
    """The site's batches that have such a code."""
    # Order by order: of a large batch of other codes none is looked at.
    living = Code.objects.filter(
        batch_id=OuterRef("batch_id"),
        order_id=OuterRef("pk"),
        serial__gte=OuterRef("first_serial"),
        serial__lt=OuterRef("first_serial") + OuterRef("wanted"),
    ).exclude(state=Code.State.DELETED)
    having = orders().filter(Exists(living), batch=OuterRef("pk"))
    return Batch.objects.filter(Exists(having), site_id=site_id, state__in=SHOWN_BATCHES)


def batch_names(site_id: int) -> list[str]:
    """In the order of their code points, whatever the database thinks of letters."""
    return sorted(batches_of(site_id).order_by().values_list("name", flat=True))


def find_batches(site_id: int, names: Collection[str]) -> dict[str, Batch]:
    """The batches of exactly these names, by name: one statement for all of them, since to write it costs more than to run it."""
    # No column holds a zero byte, and PostgreSQL refuses to be asked for one.
    asked = [name for name in names if "\x00" not in name]
    return {batch.name: batch for batch in batches_of(site_id).filter(name__in=asked).order_by()} if asked else {}


def find_code(batch: Batch, typed: str) -> Code | None:
    """The batch's code, whatever its spelling; another batch's is unknown."""
    if len(typed) > lookup.LONGEST_TYPED:
        return None
    try:
        form = lookup.canonical(typed)
    except CodeFormatInvalid:
        return None
    return codes_of(batch).filter(lookup.matching(batch.site_id, form)).first()


def whole(batch: Batch) -> Span:
    """All serials that codes of the batch may have now."""
    ends = (
        orders().filter(batch=batch).aggregate(first=Min("first_serial"), last=Max(F("first_serial") + F("wanted") - 1))
    )
    return Span(batch, ends["first"] or 1, ends["last"] or 0)


def read(span: Span) -> Iterator[list[ContentCode]]:
    """The codes in pages, in order of serial: three short statements a page at most, and memory for one.

    By ranges of serials and not by number of rows: where many were deleted, no statement looks for the others at length.
    """
    known: dict[int, Terms] = {}
    for first in range(span.first, span.last + 1, PAGE):
        rows = codes_of(span.batch).filter(serial__range=(first, min(first + PAGE - 1, span.last)))
        page = read_codes(rows, span.batch, known)
        if page:
            yield page


def read_one(code: Code, batch: Batch) -> ContentCode | None:
    """The code as it stands now; None if it has been deleted or moved."""
    found = read_codes(codes_of(batch).filter(pk=code.pk), batch, {})
    return found[0] if found else None


def read_codes(rows: "QuerySet[Code]", batch: Batch, known: dict[int, Terms]) -> list[ContentCode]:
    """The codes, read as plain rows: model instances would cost three times as much. ``known`` are terms read before."""
    found = [Row(*row) for row in rows.order_by("serial").values_list(*Row._fields)]
    learn({row.terms_id for row in found}, known)
    named = [row for row in found if row.redemptions and known[row.terms_id].action not in SESSION_ACTIONS]
    names = account_names(named)
    return [told(row, known[row.terms_id], batch, names.get(row.pk, [])) for row in found]


def told(row: Row, terms: Terms, batch: Batch, names: list[str]) -> ContentCode:
    return ContentCode(
        id=row.pk,
        serial=row.serial,
        text=text_of(batch, row),
        batch=batch.name,
        action=terms.action,
        parameters=terms.parameters,
        is_active=row.state == Code.State.ACTIVE,
        uses_left=min(row.max_uses - row.uses, MOST_USES),  # Without limit: as many as a publisher may give.
        valid_until=row.valid_until,
        last_redeemed_at=row.last_redeemed_at,
        redeemed_by=None if terms.action in SESSION_ACTIONS else names,
    )


def learn(terms_ids: set[int], known: dict[int, Terms]) -> None:
    """Read the terms that are not known yet; a batch whose codes were changed one by one may have as many as codes."""
    if len(known) > MOST_TERMS:
        known.clear()
    missing = terms_ids - known.keys()
    if missing:
        known.update(Terms.objects.in_bulk(missing))


def text_of(batch: Batch, row: Row) -> str:
    try:
        return keys.unseal(batch.site_id, row.key_version, row.sealed)
    except (InvalidTag, KeyError, ValueError):
        log.exception("a code could not be unsealed", extra={"batch": batch.pk, "serial": row.serial})
        return ""


def account_names(codes: Sequence[Row]) -> dict[int, list[str]]:
    """Code ID → the e-mail addresses, or claimant IDs, of those whose use was not given back, in order of redemption."""
    names: dict[int, dict[int, str]] = {}
    for part in parts(codes):
        redemptions = (
            Attempt.objects.filter(code__in=part, outcome=Attempt.Outcome.REDEEMED, claimant__isnull=False)
            .exclude(reversal__give_use_back=True)
            .order_by("code", "use_number")
        )
        told: Any = redemptions.values_list("code", "claimant", "claimant__email", "claimant__claimant_id")
        for code_id, claimant, email, claimant_id in told:
            names.setdefault(code_id, {}).setdefault(claimant, email or claimant_id)
    return {code_id: list(found.values()) for code_id, found in names.items()}


def parts(codes: Sequence[Row]) -> Iterator[list[int]]:
    """The IDs of the codes, few enough at a time for what was ever redeemed with them to be held in memory."""
    part: list[int] = []
    redemptions = 0
    for code in codes:
        if part and redemptions + code.redemptions > MOST_REDEMPTIONS:
            yield part
            part, redemptions = [], 0
        part.append(code.pk)
        redemptions += code.redemptions
    if part:
        yield part
