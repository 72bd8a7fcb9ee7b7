"""Walking the codes of many orders, newest first, whatever a list is asked for: by their orders and not by the table.

An order that is done has all its codes, ``wanted`` of them from ``first_serial`` on, so which serials make a page is known before
one code is read; orders under way, of however many codes, cost nothing. What no index answers (a code's state) is looked for in
a stretch of so many codes at a time: a page may then hold few rows or none, and says where it stopped.
"""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from codes.models import Code, IssueOrder

LOOKED_THROUGH = 50_000  # Codes that one page of a filtered list reads at most.
MOST_RANGES = 100  # Orders that one statement reads at most.
NEWEST_FIRST = ("-order_id", "-serial")
Place = tuple[int, int]  # (order ID, serial)


@dataclass(frozen=True)
class Walked:
    """A page: its rows newest first, whether there are more in the direction walked, and where it stopped."""

    rows: list[Code]
    more: bool
    stopped: Place | None = None  # Only where it stopped before its rows were full.


def walk(
    codes: "QuerySet[Code]",
    orders: "QuerySet[IssueOrder]",
    size: int,
    *,
    place: Place | None = None,
    backwards: bool = False,
    filtered: bool = False,
) -> Walked:
    """One page of ``codes``, which belong to ``orders``, behind ``place`` (before it if ``backwards``).

    ``filtered`` says that codes may be left out by something that no index bounds.
    """
    wanted = LOOKED_THROUGH if filtered else size + 1
    ranges, stopped = stretch(orders, wanted, place, backwards)
    if not ranges:
        return Walked([], False)
    condition = Q()
    for order, first, last in ranges:
        condition |= Q(batch_id=order.batch_id, serial__range=(first, last), order_id=order.pk)
    ordering = tuple(name.removeprefix("-") for name in NEWEST_FIRST) if backwards else NEWEST_FIRST
    found = list(codes.filter(condition).order_by(*ordering)[: size + 1])
    full = len(found) > size
    rows = found[:size]
    if backwards:
        rows.reverse()
    return Walked(rows, full or stopped is not None, None if full else stopped)


def stretch(
    orders: "QuerySet[IssueOrder]", wanted: int, place: Place | None, backwards: bool
) -> tuple[list[tuple[IssueOrder, int, int]], Place | None]:
    """The serials of the next ``wanted`` codes, by order; and where they end, if there are more behind them."""
    done = orders.filter(state=IssueOrder.State.DONE).only("id", "batch_id", "first_serial", "wanted")
    if place:
        done = done.filter(**{"pk__gte" if backwards else "pk__lte": place[0]})
    ranges: list[tuple[IssueOrder, int, int]] = []
    # One more than is read, to know whether there is more; and the one of the place itself, which may have nothing left.
    found = list(done.order_by("pk" if backwards else "-pk")[: MOST_RANGES + 2])
    for order in found:
        first, last = order.first_serial, order.first_serial + order.wanted - 1
        if place and order.pk == place[0]:
            first, last = (max(first, place[1] + 1), last) if backwards else (first, min(last, place[1] - 1))
        if first > last:
            continue
        if last - first + 1 > wanted:
            ranges.append((order, first, first + wanted - 1) if backwards else (order, last - wanted + 1, last))
            return ranges, (order.pk, ranges[-1][2] if backwards else ranges[-1][1])
        ranges.append((order, first, last))
        wanted -= last - first + 1
        if not wanted or len(ranges) == MOST_RANGES:
            break
    if not ranges or order is found[-1]:
        return ranges, None
    return ranges, (ranges[-1][0].pk, ranges[-1][2] if backwards else ranges[-1][1])
