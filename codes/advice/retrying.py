"""What staff do about advices: have one judged again, or give up one that could not be judged.

Judged again are those that failed, parked or not, and those whose text was unknown: the code may have been imported since.
Source: redemption advice, section 6.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts import auditing, clock, turns
from accounts.locking import lock_rows
from codes import doorbell
from codes.advice.accepting import TASK
from codes.models import Advice, PendingAdvice

MOST = 1_000  # Advices a call.
AGAIN = (Advice.Outcome.FAILED, Advice.Outcome.UNKNOWN_TEXT)
# A round begins with a token above all of earlier rounds, each of which counts its few tries: whoever still has one of those in
# hand has lost it.
TOKENS_A_ROUND = 1_000


def retry(advice_ids: Iterable[UUID], *, actor_id: str, reason: str) -> int:
    """Have these judged once more, with eight new tries, beginning now; answers how many.

    Any that is in none of the two outcomes any more is left out, so twice at once is once. Outside any transaction.
    """
    ids = wanted(advice_ids)
    with turns.one_writer(), transaction.atomic(durable=True):
        # Work is locked before what it is about, as by those who do it.
        lock_rows(PendingAdvice.objects.filter(pk__in=ids, parked_at__isnull=False))
        rows = lock_rows(Advice.objects.filter(pk__in=ids, outcome__in=AGAIN).defer("raw", "text"))
        now = clock.read()
        Advice.objects.filter(pk__in=[row.pk for row in rows]).update(
            outcome="", decided_at=None, attempt=None, rounds=F("rounds") + 1
        )
        PendingAdvice.objects.bulk_create(
            [PendingAdvice(advice_id=row.pk, due_at=now, token=(row.rounds + 1) * TOKENS_A_ROUND) for row in rows],
            update_conflicts=True,
            unique_fields=["advice"],
            update_fields=["due_at", "token", "tries", "leased", "parked_at", "error"],
        )
        audit("advice.retry", rows, actor_id, reason)
        if rows:
            doorbell.ring(TASK)
    return len(rows)


def discard(advice_ids: Iterable[UUID], *, actor_id: str, reason: str) -> int:
    """Give up those of these that are parked: their work ends, the advices stay on record as failed; answers how many."""
    ids = wanted(advice_ids)
    with turns.one_writer(), transaction.atomic(durable=True):
        parked = lock_rows(PendingAdvice.objects.filter(pk__in=ids, parked_at__isnull=False))
        rows = list(Advice.objects.filter(pk__in=[work.pk for work in parked]).order_by("pk").defer("raw", "text"))
        PendingAdvice.objects.filter(pk__in=[row.pk for row in rows]).delete()
        audit("advice.discard", rows, actor_id, reason)
    return len(rows)


def wanted(advice_ids: Iterable[UUID]) -> list[UUID]:
    ids = sorted(set(advice_ids))
    if len(ids) > MOST:
        raise ValueError(f"At most {MOST:,} advices at once.")
    return ids


def audit(action: str, rows: list[Advice], actor_id: str, reason: str) -> None:
    """One row a site, which names each."""
    by_site: dict[int, list[str]] = {}
    for row in rows:
        by_site.setdefault(row.site_id, []).append(str(row.pk))
    for site_id, ids in by_site.items():
        auditing.record(
            action,
            site=site_id,
            actor_id=actor_id,
            object_type="advice",
            object_id=ids[0] if len(ids) == 1 else f"{len(ids)} advices",
            detail={"reason": reason.strip()[:200], "count": len(ids), "advices": ids},
        )
