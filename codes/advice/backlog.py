"""How much of what tills reported is still to be judged: for the metrics and the desk's first page."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Min, Q

from codes.models import PendingAdvice


@dataclass(frozen=True)
class Backlog:
    """``lag_seconds`` is how long the longest due advice has waited for its turn; 0 where none is due."""

    waiting: int
    parked: int
    lag_seconds: float


def read(site_ids: Sequence[int] | None, now: dt.datetime) -> Backlog:
    """Of these sites, or of all (None): one statement, whose cost follows the work there is."""
    work = PendingAdvice.objects.all() if site_ids is None else PendingAdvice.objects.filter(advice__site__in=site_ids)
    waiting = Q(parked_at__isnull=True)
    found = work.aggregate(
        waiting=Count("pk", filter=waiting),
        parked=Count("pk", filter=~waiting),
        due_at=Min("due_at", filter=waiting & Q(due_at__lte=now)),
    )
    lag = (now - found["due_at"]).total_seconds() if found["due_at"] else 0.0
    return Backlog(found["waiting"], found["parked"], lag)
