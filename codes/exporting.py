"""Exporting the codes of a batch with their characters: as CSV or JSON Lines, for the desk, the API and the command alike.

An export is read page by page, each page a short statement by serial, so memory stays flat and no cursor is held open however
slow the reader is. Every row is told as it stood when its page was read. Who asked, why and for what is in the audit before the
first byte leaves; how many rows left is in the audit when it ends, however it ends.
"""

import getpass
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError, transaction

from accounts import auditing
from codes import keys
from codes.export_formats import FORMATS, Format
from codes.models import Batch, Code, IssueOrder, Terms
from codes.uses import limit
from ledger.models import Asset

log = logging.getLogger(__name__)

PAGE = 2_000  # Serials a statement reads, and rows a piece holds.
MOST_TERMS = 10_000  # Remembered at once; a batch made from a file may have as many as it has codes.
LARGEST_SERIAL = 2**63 - 1
COLUMNS = (
    *("serial", "sealed", "key_version", "state", "uses", "max_uses", "valid_from", "valid_until"),
    *("owner__claimant_id", "terms_id", "last_redeemed_at"),
)
DONE = IssueOrder.State.DONE


@dataclass(frozen=True)
class ExportCodes:
    """What is to be exported of one batch. Serials are inclusive; ``after`` goes on behind the last row one has."""

    batch: Batch
    format: str
    actor_id: str
    reason: str
    door: str
    state: str = ""
    from_serial: int | None = None
    to_serial: int | None = None
    after: int | None = None


@dataclass
class Export:
    """The export under way: iterate for pieces of bytes, and ``close`` it, which every door's server does by itself.

    ``rows`` and ``last_serial`` tell how far it has come; ``complete`` whether everything asked for was told.
    """

    asked: ExportCodes
    format: Format
    first: int
    last: int
    audit_id: int
    heading: bool = True
    rows: int = 0
    last_serial: int | None = None
    unreadable: int = 0
    complete: bool = False
    broken: bool = False
    closed: bool = False
    terms: dict[int, Terms] = field(default_factory=dict)
    pieces: Iterator[bytes] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """How a door sends it: a file that nobody on the way may keep or hold back."""
        name = f"batch-{self.asked.batch.pk}-codes-{self.first}-{max(self.first, self.last)}.{self.format.suffix}"
        return {
            "Content-Type": self.format.content_type,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Accel-Buffering": "no",
        }

    def __iter__(self) -> "Export":
        return self

    def __next__(self) -> bytes:
        if self.pieces is None:
            self.pieces = self.written()
        try:
            return next(self.pieces)
        except StopIteration:
            self.close()
            raise

    def written(self) -> Iterator[bytes]:
        """The pieces in order. A failure is the last line of them: the server would end the body as if nothing had been."""
        if self.heading and self.format.heading:
            yield self.format.heading
        position = self.first
        while position <= self.last:
            try:
                page = self.read(position, min(position + PAGE - 1, self.last))
            except (DatabaseError, InterfaceError):
                log.exception("an export broke off", extra={"batch": self.asked.batch.pk, "after": position - 1})
                self.broken = True
                yield self.format.broken(position - 1)
                return
            position += PAGE
            if page:
                # Counted as they are handed over: a reader who leaves has had no more than that.
                self.rows += len(page)
                self.last_serial = page[-1]["serial"]
                yield self.format.write(page)
        self.complete = True

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """The rows from one serial to another. By range, not by number of rows: a rare state would be looked for at length."""
        rows = Code.objects.filter(batch=self.asked.batch, order__state=DONE, serial__range=(first, last))
        if self.asked.state:
            rows = rows.filter(state=self.asked.state)
        found = list(rows.order_by("serial").values_list(*COLUMNS))
        self.learn({row[9] for row in found})
        return [self.row(*row) for row in found]

    def learn(self, terms_ids: set[int]) -> None:
        missing = terms_ids - self.terms.keys()
        if missing:
            if len(self.terms) > MOST_TERMS:
                self.terms.clear()
                missing = terms_ids
            self.terms.update(Terms.objects.select_related("asset").in_bulk(missing))

    def row(
        self, serial: int, sealed: bytes, key_version: int, state: str, uses: int, max_uses: int, valid_from: Any,
        valid_until: Any, owner: str | None, terms_id: int, last_redeemed_at: Any,
    ) -> dict[str, Any]:  # fmt: skip
        terms = self.terms[terms_id]
        return {
            "serial": serial,
            "code": self.unsealed(key_version, sealed),
            "state": state,
            "uses": uses,
            "max_uses": limit(max_uses),
            "valid_from": valid_from,
            "valid_until": valid_until,
            "owner": owner,
            "value": worth(terms),
            "asset": terms.asset.code if terms.asset else None,
            "last_redeemed_at": last_redeemed_at,
        }

    def unsealed(self, key_version: int, sealed: bytes) -> str | None:
        """The code as it was issued; None if its key is gone or the seal is broken: one row must not cost the others."""
        try:
            return keys.unseal(self.asked.batch.site_id, key_version, sealed)
        except (InvalidTag, KeyError, ValueError):
            self.unreadable += 1
            return None

    def close(self) -> None:
        """Record how many rows left, once. Where even that fails, the log has it."""
        if self.closed:
            return
        self.closed = True
        detail = {
            "export": self.audit_id,
            "rows": self.rows,
            "last_serial": self.last_serial,
            "unreadable": self.unreadable,
            "ended": "complete"
            if self.complete
            else "broken off by a failure"
            if self.broken
            else "left by the reader",
        }
        if self.unreadable:
            log.error("codes could not be unsealed", extra={"batch": self.asked.batch.pk, "codes": self.unreadable})
        try:
            with transaction.atomic(durable=True):
                note("batch.export_end", self.asked, detail)
        except (DatabaseError, InterfaceError):
            log.exception("the end of an export could not be recorded", extra={"batch": self.asked.batch.pk, **detail})


def export_codes(asked: ExportCodes) -> Export:
    """Begin an export, its audit row being committed first. Raises ValidationError with field names.

    Only codes of orders that are done, up to the last one there is now.
    """
    errors = {name: [said] for name, said in problems(asked).items()}
    if errors:
        raise ValidationError(errors)
    first = max(asked.from_serial or 1, (asked.after or 0) + 1)
    last = min(asked.to_serial or LARGEST_SERIAL, last_known_serial(asked.batch))
    detail = {
        "reason": asked.reason.strip()[:200],
        "door": asked.door,
        "format": asked.format,
        "state": asked.state or "any",
        "from_serial": first,
        "to_serial": last,
    }
    if asked.door == "command":
        detail["login"] = getpass.getuser()
    with transaction.atomic(durable=True):
        audit = note("batch.export", asked, detail)
    # What goes on behind an earlier row is joined to what was there before: it has its heading.
    return Export(asked, FORMATS[asked.format], first, last, audit.pk, heading=asked.after is None)


def problems(asked: ExportCodes) -> dict[str, str]:
    """What is wrong with it, by field."""
    found = {}
    if asked.format not in FORMATS:
        found["format"] = f"Choose one of: {', '.join(FORMATS)}."
    if asked.state and asked.state not in Code.State.values:
        found["state"] = f"Choose one of: {', '.join(Code.State.values)}."
    if not asked.reason.strip():
        found["reason"] = "Say why the codes must leave."
    for name in ("from_serial", "to_serial", "after"):
        serial = getattr(asked, name)
        if serial is not None and not (0 if name == "after" else 1) <= serial <= LARGEST_SERIAL:
            found[name] = "This is no serial: they begin with 1."
    if asked.from_serial and asked.to_serial and asked.from_serial > asked.to_serial and not found:
        found["to_serial"] = "The last serial must not be below the first."
    return found


def last_known_serial(batch: Batch) -> int:
    """The highest serial that an order which is done has; 0 if there is none."""
    ends = batch.orders.filter(state=DONE).values_list("first_serial", "wanted")
    return max((first + wanted - 1 for first, wanted in ends), default=0)


def worth(terms: Terms) -> str | int | None:
    """Of one use: money as a decimal text, points as a whole number; None where it has none."""
    if terms.asset is None:
        return None
    return terms.value if terms.asset.kind == Asset.Kind.POINTS else f"{terms.asset.major(terms.value):f}"


def note(action: str, asked: ExportCodes, detail: dict[str, Any]) -> Any:
    return auditing.record(
        action,
        site=asked.batch.site_id,
        actor_id=asked.actor_id,
        object_type="batch",
        object_id=asked.batch.pk,
        detail=detail,
    )
