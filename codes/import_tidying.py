"""Tidying after imports: a checked file that nobody confirms within seven days is discarded."""

from accounts import clock
from codes import importing
from codes.models import CodeImport

CHUNK = 100


def discard_forgotten() -> int:
    """Have them discarded; answers how many. Safe twice and beside any other deed."""
    waiting = CodeImport.objects.filter(confirmed_at__isnull=True, state__in=["done", "failed"])
    due = waiting.filter(finished_at__lte=clock.read() - importing.KEPT).order_by("finished_at")[:CHUNK]
    return sum(importing.discard_import(source, actor_id="system") for source in due)
