"""How many of a batch's codes are in which state: counted where that is quick, else estimated from a sample.

A state changes with redemptions, so no index holds it and no counter is kept: either would cost every redemption.
"""

import random
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from codes.models import Batch, Code, IssueOrder

COUNTED = 50_000  # Codes that are counted one by one.
SAMPLE = 1_000  # Codes that stand for the others beyond that: a share is off by 1.6 % of all codes, one time in three by more.


@dataclass(frozen=True)
class States:
    """Codes by state, every state being named; they add up to the codes there are. ``estimated`` where they are about right."""

    counts: dict[str, int]
    estimated: bool = False


def count_states(batch: Batch) -> States:
    """The codes of the batch's orders that are done, by stored state; a fixed number of statements, each of bounded cost."""
    # Often read with the batch; then it is not asked for again.
    done = [order for order in batch.orders.all() if order.state == IssueOrder.State.DONE]
    ranges = sorted((order.first_serial, order.wanted) for order in done)
    total = sum(wanted for _, wanted in ranges)
    codes = Code.objects.filter(batch=batch)
    if total <= COUNTED:
        return States(counted(codes.filter(order__state=IssueOrder.State.DONE)))
    serials = sample(ranges, total, seed=batch.pk)
    found = counted(codes.filter(serial__in=serials))
    estimates = {state: rounded(count * total / len(serials)) for state, count in found.items()}
    largest = max(found, key=lambda state: found[state])
    moved = sum(order.moved for order in done)
    estimates[largest] = total - moved - sum(count for state, count in estimates.items() if state != largest)
    return States(estimates, estimated=True)


def counted(codes: "QuerySet[Code]") -> dict[str, int]:
    found = dict(codes.order_by().values_list("state").annotate(count=Count("pk")))
    return {state: found.get(state, 0) for state in Code.State.values}


def sample(ranges: list[tuple[int, int]], total: int, seed: int) -> list[int]:
    """One serial out of each of so many equal parts of the ranges (first serial, number); the same ones for one seed.

    At random within its part, or a pattern among the serials could meet the sample's own.
    """
    chance = random.Random(seed)  # noqa: S311 (nothing is guarded by it)
    parts = min(SAMPLE, total)
    places = sorted(chance.randrange(n * total // parts, (n + 1) * total // parts) for n in range(parts))
    serials, before, part = [], 0, iter(ranges)
    first, wanted = next(part)
    for place in places:
        while place >= before + wanted:
            before += wanted
            first, wanted = next(part)
        serials.append(first + place - before)
    return serials


def rounded(estimate: float) -> int:
    """To two digits: more would pretend to be known."""
    whole = round(estimate)
    scale = 10 ** max(0, len(str(whole)) - 2)
    return round(whole / scale) * scale
