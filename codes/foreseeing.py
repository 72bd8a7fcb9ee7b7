"""What an edit of a whole batch would do, said before it is ordered: how many codes it touches, whose they are, what value moves.

The cost is bounded: the first 200,000 codes are looked at, in groups of equal standing, and judged by the very rule that the edit
will use. Of a larger batch the answer says that it is an estimate.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F, Max, Sum
from django.utils.dateparse import parse_datetime

from accounts import budgets, clock, digests
from codes import changing, jobs
from codes.changing import UNCHANGED, Change, Standing, Unchangeable
from codes.models import Batch, BatchEdit, Code, IssueOrder, Terms
from codes.models.terms import UNLIMITED_USES
from codes.terms import check_total
from codes.uses import LIMIT_NEEDED, MOST_USES

Kind = BatchEdit.Kind
LOOKED_AT = 200_000
# What each kind asks for; the others take nothing.
PARAMETERS = {Kind.EXTEND: ("valid_from", "valid_until"), Kind.USES: ("max_uses",)}
STATES = {Kind.DISABLE: Code.State.DISABLED, Kind.ENABLE: Code.State.ACTIVE, Kind.DELETE: Code.State.DELETED}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEdit:
    """One change to all codes of a batch, to be. What a kind does not take stays UNCHANGED. Validity is half-open."""

    kind: str
    reason: str
    valid_from: dt.datetime | None = UNCHANGED
    valid_until: dt.datetime | None = UNCHANGED
    max_uses: int = UNCHANGED

    @property
    def parameters(self) -> dict[str, Any]:
        """What was given, as it is kept."""
        given = {name: getattr(self, name) for name in ("valid_from", "valid_until", "max_uses")}
        return {
            name: value.isoformat() if isinstance(value, dt.datetime) else value
            for name, value in given.items()
            if value is not UNCHANGED
        }

    def fingerprint(self, batch_id: int) -> bytes:
        said = [batch_id, self.kind, self.reason, self.parameters]
        return digests.keyed("edit_batch", json.dumps(said, sort_keys=True))

    def check(self) -> None:
        """Raises ValidationError with field names."""
        if self.kind not in Kind.values:
            raise ValidationError({"kind": [f"Choose one of: {', '.join(Kind.values)}."]})
        taken = PARAMETERS.get(Kind(self.kind), ())
        wrong = {name: ["This kind of edit does not take it."] for name in self.parameters if name not in taken}
        if not 0 < len(self.reason.strip()) <= 200:
            wrong["reason"] = ["Say why, in up to 200 characters."]
        if self.kind == Kind.EXTEND:
            if not self.parameters:
                wrong["valid_until"] = ["Give an end or a beginning."]
            elif (
                len(self.parameters) == 2
                and self.valid_from
                and self.valid_until
                and self.valid_from >= self.valid_until
            ):
                wrong["valid_until"] = ["A code must become valid before it ends."]
        wanted = self.max_uses
        if self.kind == Kind.USES and (
            wanted is UNCHANGED or not (1 <= wanted <= MOST_USES or wanted == UNLIMITED_USES)
        ):
            wrong["max_uses"] = [f"Give a whole number from 1 to {MOST_USES:,}."]
        if wrong:
            raise ValidationError(wrong)


def change_of(kind: str, parameters: dict[str, Any]) -> Change:
    """The change to a single code that an edit makes to each."""
    if kind in STATES:
        return Change(state=STATES[Kind(kind)].value)
    given: dict[str, Any] = {name: parameters[name] for name in PARAMETERS[Kind(kind)] if name in parameters}
    instants = {name: parse_datetime(value) for name, value in given.items() if isinstance(value, str)}
    return Change(**{**given, **instants})


def judge(kind: str, change: Change, standing: Standing, is_issued: bool, now: dt.datetime) -> Standing | str:
    """The code as the edit leaves it, or the reason why it is passed over."""
    if not is_issued:
        return "being_issued"
    if kind == Kind.ENABLE and standing.state == Code.State.USED_UP:
        return "used_up"  # It was not switched off, and active it would have nothing to give.
    try:
        after = changing.changed(standing, change, now)
    except Unchangeable as refused:
        return refused.reason
    return "as_wanted" if after == standing else after


def check(batch: Batch, new: NewEdit) -> None:
    """Whether the batch can be edited so, as it stands. Raises ValidationError with field names."""
    if batch.state not in (Batch.State.ACTIVE, Batch.State.DISABLED):
        raise ValidationError({"batch": ["Only a batch that has been issued, and was not deleted, can be edited."]})
    if batch.edits.filter(state__in=jobs.OPEN).exists():
        raise ValidationError({"batch": ["Another edit of this batch is still under way."]})
    if new.kind == Kind.DELETE and batch.orders.filter(state__in=jobs.OPEN).exists():
        raise ValidationError(
            {"batch": ["Codes are still being issued into this batch: wait for them, or cancel them."]}
        )
    if new.kind == Kind.USES:
        worth = issued(batch).aggregate(worth=Sum(F("terms__value") * F("wanted")))["worth"] or 0
        if worth and new.max_uses == UNLIMITED_USES and not worthless(batch):
            raise ValidationError({"max_uses": [LIMIT_NEEDED]})
        worth = 0 if new.max_uses == UNLIMITED_USES else worth  # Those with value are passed over.
        try:
            check_total(worth * new.max_uses)
        except ValidationError as error:
            raise ValidationError({"max_uses": error.message_dict["value"]}) from error


def worthless(batch: Batch) -> bool:
    """Whether the batch has codes without value."""
    return bool(issued(batch).filter(terms__value=0).exists())


def issued(batch: Batch) -> Any:
    """The batch's orders whose codes are out."""
    return IssueOrder.objects.filter(batch=batch, state=IssueOrder.State.DONE)


def last_serial(batch: Batch) -> int:
    """Of the last code that is out: an edit concerns the codes up to it, and none that are ordered later."""
    return issued(batch).aggregate(last=Max(F("first_serial") + F("wanted") - 1))["last"] or 0


def foresee(batch: Batch, new: NewEdit) -> dict[str, Any]:
    """What the edit would do, by what is there now; nothing is locked or written. Raises ValidationError with field names.

    ``codes`` in the batch, of which ``looked_at`` were. ``exact``: they are all. Otherwise ``touched``, ``passed_over`` and
    ``moved`` (asset code, type and minor units) are scaled up from those, and ``handed_out`` (with an owner) and ``used``
    (redeemed at least once) are of those alone: at least so many.
    """
    new.check()
    check(batch, new)
    codes = issued(batch).aggregate(codes=Sum("wanted"))["codes"] or 0
    now, change = clock.read(), change_of(new.kind, new.parameters)
    looked_at = touched = handed_out = used = 0
    passed_over: Counter[str] = Counter()
    moved: Counter[tuple[str, str]] = Counter()
    for standing, asset_code, is_issued, count, owned, redeemed in groups(batch):
        looked_at += count if is_issued else 0
        after = judge(new.kind, change, standing, is_issued, now)
        if isinstance(after, str):
            passed_over[after] += count
            continue
        touched, handed_out, used = touched + count, handed_out + owned, used + redeemed
        if asset_code:
            for move in changing.moves(standing, after):
                moved[asset_code, str(move.type)] += move.amount * count
    exact = looked_at >= codes

    def scaled(number: int) -> int:
        return number if exact or not looked_at else number * codes // looked_at

    return {
        "codes": codes,
        "looked_at": looked_at,
        "exact": exact,
        "touched": scaled(touched),
        "handed_out": handed_out,
        "used": used,
        "passed_over": {reason: scaled(count) for reason, count in sorted(passed_over.items())},
        "moved": [
            {"asset": asset, "type": type_, "amount": scaled(amount)}
            for (asset, type_), amount in sorted(moved.items())
        ],
    }


def at_least(foreseen: dict[str, Any], name: str) -> str:
    """The number of codes handed out or used, in words that promise no more than was looked at."""
    count = foreseen[name]
    if foreseen["exact"]:
        return f"{count:,}"
    return f"at least {count:,}" if count else f"none of the first {foreseen['looked_at']:,}"


def groups(batch: Batch) -> Iterator[tuple[Standing, str | None, bool, int, int, int]]:
    """The first codes in groups of equal standing: standing, asset, whether issued, how many, handed out, redeemed."""
    orders = dict(batch.orders.values_list("id", "state"))
    terms = {row.pk: row for row in Terms.objects.filter(pk__in=batch.orders.values("terms")).select_related("asset")}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT state, uses, max_uses, valid_from, valid_until, expired, terms_id, order_id,
                      COUNT(*), COUNT(owner_id), SUM(CASE WHEN redemptions > 0 THEN 1 ELSE 0 END)
               FROM (
                   SELECT state, uses, max_uses, valid_from, valid_until, value_expired_at IS NOT NULL AS expired,
                          terms_id, order_id, owner_id, redemptions
                   FROM codes_code WHERE batch_id = %s AND serial <= %s ORDER BY serial LIMIT %s
               ) c GROUP BY state, uses, max_uses, valid_from, valid_until, expired, terms_id, order_id""",
            [batch.pk, last_serial(batch), LOOKED_AT],
        )
        rows = cursor.fetchall()
    for state, uses, max_uses, valid_from, valid_until, expired, terms_id, order_id, count, owned, redeemed in rows:
        of = terms.get(terms_id) or Terms.objects.select_related("asset").get(pk=terms_id)
        standing = Standing(
            state, uses, max_uses, valid_from and budgets.aware(valid_from), valid_until and budgets.aware(valid_until),
            bool(expired), of.value,
        )  # fmt: skip
        is_issued = orders.get(order_id) == IssueOrder.State.DONE
        yield standing, of.asset.code if of.asset else None, is_issued, count, owned, redeemed
