"""Signs of life: each background process says it is still consuming, and the supervisor reads how long ago."""

from accounts import clock
from accounts.models import Heartbeat


def beat(process: str) -> None:
    """Note that ``process`` works now."""
    Heartbeat.objects.update_or_create(process=process, defaults={"beaten_at": clock.read()})


def ages_in_seconds() -> dict[str, float]:
    """Seconds since each process's last sign of life."""
    now = clock.read()
    return {row.process: round((now - row.beaten_at).total_seconds(), 1) for row in Heartbeat.objects.all()}
