"""The codes of a site that credit money, told with their characters to a shop's program: read page by page, found by their orders.

An exact code is found by the look-up. Everything else is walked (codes/walking.py), for so many codes at most: how far a reading
looks is bounded by what it may cost and not by what the site has.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts import auditing
from codes import lookup
from codes.models import Attempt, Batch, Code, IssueOrder
from codes.walking import Place, walk
from ledger.models import Asset, Transfer

PAGE = 2_000
MOST_PAGES = 25  # Of which each may look through 50,000 codes without finding enough.
CREDITS_MONEY = {"terms__action": "credit", "terms__asset__kind": Asset.Kind.MONEY}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which codes of a site. ``code`` as it was typed, with which everything else is ignored; half-open times.

    ``valid_until_from`` ≤ valid_until ≤ ``valid_until_to``, and a code without an end has none of the two; ``used``: None for both.
    """

    site_id: int
    code: str | None = None
    valid_until_from: dt.datetime | None = None
    valid_until_to: dt.datetime | None = None
    used: bool | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class PrepaidCode:
    """``value`` is in minor units; ``transfer_id`` is the leg that credited it, ``shop_order`` the order's number, if any."""

    shown: str
    asset: Asset
    value: int
    valid_until: dt.datetime | None
    used: bool
    transfer_id: int | None
    shop_order: int | None
    issued_at: dt.datetime


class Broken(Exception):
    """A code's seal is broken or its key is gone; ``place`` is batch and serial."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


@dataclass
class PrepaidCodes:
    """Iterate for the codes, at most ``most``; then ``more`` tells whether there are, or may be, others."""

    wanted: Wanted
    most: int
    more: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[PrepaidCode]:
        """Raises Broken."""
        left = self.most
        for page in self.pages():
            yield from told(page[:left])
            if len(page) > left:
                self.more = True
                return
            left -= len(page)

    def pages(self) -> Iterator[Sequence[Code]]:
        if self.wanted.code:
            found = lookup.find_code(self.wanted.site_id, self.wanted.code)
            yield list(codes_of(self.wanted).filter(pk=found.pk)) if found else []
            return
        codes, orders = filtered(self.wanted), orders_of(self.wanted)
        place: Place | None = None
        for _ in range(MOST_PAGES):
            found_page = walk(codes, orders, PAGE, place=place, backwards=self.wanted.oldest_first, filtered=True)
            # A page stands newest first, whichever way it was walked.
            rows = found_page.rows[::-1] if self.wanted.oldest_first else found_page.rows
            yield rows
            if not found_page.more:
                return
            place = found_page.stopped or (rows[-1].order_id, rows[-1].serial)
        self.more = True


def read_prepaid_codes(wanted: Wanted, most: int) -> PrepaidCodes:
    return PrepaidCodes(wanted, most)


def codes_of(wanted: Wanted) -> "QuerySet[Code]":
    codes = Code.objects.filter(site_id=wanted.site_id, **CREDITS_MONEY).exclude(state=Code.State.DELETED)
    codes = codes.exclude(batch__state=Batch.State.ARCHIVED)
    return codes.select_related("terms__asset", "order__shop_order_item__order")


def filtered(wanted: Wanted) -> "QuerySet[Code]":
    codes = codes_of(wanted)
    if wanted.valid_until_from:
        codes = codes.filter(valid_until__gte=wanted.valid_until_from)
    if wanted.valid_until_to:
        codes = codes.filter(valid_until__lte=wanted.valid_until_to)
    if wanted.used is not None:
        no_use_left = Q(state=Code.State.USED_UP) | Q(uses__gte=F("max_uses"))
        codes = codes.filter(no_use_left if wanted.used else ~no_use_left)
    return codes


def orders_of(wanted: Wanted) -> "QuerySet[IssueOrder]":
    """Changed terms keep their action and asset's kind, so an order that began with others has no such codes."""
    return IssueOrder.objects.filter(site_id=wanted.site_id, **CREDITS_MONEY)


def told(codes: Sequence[Code]) -> Iterator[PrepaidCode]:
    """Raises Broken."""
    transfers = transfers_of([code.pk for code in codes if is_used(code)])
    for code in codes:
        assert code.terms.asset is not None
        try:
            shown = lookup.shown(code)
        except (InvalidTag, KeyError, ValueError) as error:
            raise Broken(str(code)) from error
        item = getattr(code.order, "shop_order_item", None)
        yield PrepaidCode(
            shown=shown,
            asset=code.terms.asset,
            value=code.terms.value,
            valid_until=code.valid_until,
            used=is_used(code),
            transfer_id=transfers.get(code.pk),
            shop_order=item.order.number if item else None,
            issued_at=code.order.finished_at or code.order.created_at,
        )


def is_used(code: Code) -> bool:
    return code.state == Code.State.USED_UP or code.uses >= code.max_uses


def transfers_of(code_ids: Sequence[int]) -> dict[int, int]:
    """Code → the transfer of its last redemption that booked something. Two statements."""
    if not code_ids:
        return {}
    redeemed = Attempt.objects.filter(
        code__in=code_ids, outcome=Attempt.Outcome.REDEEMED, ledger_transaction__isnull=False
    ).order_by("decided_at")
    booked = dict(redeemed.values_list("code_id", "ledger_transaction_id"))
    legs = dict(Transfer.objects.filter(transaction__in=booked.values()).values_list("transaction_id", "pk"))
    return {code: legs[transaction] for code, transaction in booked.items() if transaction in legs}


def note_told(wanted: Wanted, count: int, *, actor_id: str, door: str) -> None:
    """Record that so many codes leave with their characters. Committed before the first of them does."""
    limits = {
        "exact": bool(wanted.code),
        "valid_until_from": wanted.valid_until_from and wanted.valid_until_from.isoformat(),
        "valid_until_to": wanted.valid_until_to and wanted.valid_until_to.isoformat(),
        "used": wanted.used,
    }
    with transaction.atomic(durable=True):
        auditing.record(
            "prepaid.export",
            site=wanted.site_id,
            actor_id=actor_id,
            object_type="site",
            object_id=wanted.site_id,
            detail={"door": door, "codes": count, **limits},
        )
