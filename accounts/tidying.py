"""Deleting rows that have had their time: windows of failures, sessions, logins, identifications, tokens.

None is read any more, so when they go decides nothing. An index by time finds what is due, and the cost follows that.
"""

import datetime as dt
import time

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import budgets, clock, locking, visiting
from accounts.models import AccessToken, BrowserLogin, FailureBudget, StoredIdentification

CHUNK = 1_000
# Since it was last seen; it ended after half an hour. Whoever asks why something was open yesterday still finds the licence.
BROWSER_LOGIN_KEPT = dt.timedelta(days=1, minutes=30)
SWEEP = "accounts.tidy"


def tidy(*, seconds: float | None = None) -> int:
    """Delete what is due, in chunks of 1,000, until none is left or ``seconds`` are over; answers how many rows."""
    started, deleted = time.monotonic(), 0
    while seconds is None or time.monotonic() - started < seconds:
        count = tidy_chunk()
        deleted += count
        if not count:
            break
    return deleted


def tidy_chunk() -> int:
    """One chunk of each kind, in one transaction."""
    with transaction.atomic(durable=True):
        if not locking.is_alone(SWEEP):
            return 0
        return sum(delete_some(rows, order) for rows, order in due(clock.read()))


def due(now: dt.datetime) -> list[tuple[QuerySet, str]]:
    """What has had its time, and the indexed column that says so."""
    return [
        (FailureBudget.objects.filter(Q(window_started_at__lte=now - budgets.WINDOW)), "window_started_at"),
        (Session.objects.filter(expire_date__lte=now), "expire_date"),
        # With their session licences, of which each has a few.
        (BrowserLogin.objects.filter(last_seen_at__lte=now - BROWSER_LOGIN_KEPT), "last_seen_at"),
        (AccessToken.objects.filter(expires_at__lte=now), "expires_at"),
        (StoredIdentification.objects.filter(used_at__lte=now - visiting.STORED_FOR), "used_at"),
    ]


def delete_some(rows: QuerySet, order: str) -> int:
    """The longest due of them. Whoever holds one just now begins a new window with it: it is left out."""
    keys = list(rows.order_by(order).values_list("pk", flat=True)[:CHUNK])
    locked = locking.lock_rows(rows.filter(pk__in=keys), skip_locked=True) if keys else []
    if not locked:
        return 0
    rows.model._default_manager.filter(pk__in=[row.pk for row in locked]).delete()
    return len(locked)
