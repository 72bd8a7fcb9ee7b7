"""The expiry sweep: moves the value of expired codes to the site's expired account.

It only tidies the books. Whether a code is expired is judged at every redemption; a sweep that never runs changes no decision,
and one that runs twice, together with another, or dies anywhere, has the same result.
"""

import datetime as dt

from django.db import transaction
from django.db.models import Q

from accounts import clock, locking
from codes import batch_value
from codes.models import Code, IssueOrder
from ledger.models import Asset, LedgerTransaction

CHUNK = 500


def sweep_expired(chunks: int | None = None) -> int:
    """Book away the value of expired codes, in chunks of 500 until none is due or ``chunks`` are done; answers how many codes."""
    swept = 0
    while chunks is None or chunks > 0:
        count = sweep_chunk()
        swept += count
        if count < CHUNK:
            break
        chunks = None if chunks is None else chunks - 1
    return swept


def sweep_chunk() -> int:
    """One chunk in one transaction. The partial index holds just the codes not swept, so the cost follows the codes due."""
    with transaction.atomic(durable=True):
        now = clock.read()
        due = Code.objects.filter(
            Q(valid_until__lte=now, value_expired_at__isnull=True), order__state=IssueOrder.State.DONE
        ).select_related("terms")
        ids = due.order_by("valid_until").values_list("pk", flat=True)[:CHUNK]
        # Whoever holds one of them redeems or changes it just now: the next sweep sees to it.
        codes = locking.lock_rows(due.filter(pk__in=list(ids)), skip_locked=True)
        if not codes:
            return 0
        worth: dict[tuple[int, int, int], int] = {}
        for code in codes:
            if code.terms.asset_id and code.state != Code.State.DELETED:
                key = (code.site_id, code.batch_id, code.terms.asset_id)
                worth[key] = worth.get(key, 0) + code.terms.value * (code.max_uses - code.uses)
        book(worth, now)
        Code.objects.filter(pk__in=[code.pk for code in codes]).update(value_expired_at=now)
    return len(codes)


def book(worth: dict[tuple[int, int, int], int], now: dt.datetime) -> None:
    assets = Asset.objects.in_bulk({asset_id for _, _, asset_id in worth})
    for (site_id, batch_id, asset_id), amount in sorted(worth.items()):
        batch_value.move(
            LedgerTransaction.Type.EXPIRY,
            "outstanding",
            "expired",
            site_id=site_id,
            batch_id=batch_id,
            asset=assets[asset_id],
            amount=amount,
            comment=f"Codes of batch {batch_id} expired",
            now=now,
        )
