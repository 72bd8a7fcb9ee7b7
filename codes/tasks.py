"""Celery's doors to the deeds. Each may run twice or beside the due-poller, which finds by itself what was never rung."""

from celery import shared_task

from accounts import heartbeats
from codes import doorbell, expiring, import_tidying, mailing, releasing, replenishing, resealing, working
from codes.advice import draining, inbox, tallies
from codes.advice.accepting import TASK as DRAIN
from ledger import expiring_holds, settling, summing

# Below the soft time limit of 25 s; what is left of a job is found again by the poller and the next ring.
SECONDS_PER_JOB = 15
# Below the lease of an advice, which a task that is killed leaves behind.
SECONDS_PER_DRAIN = 5


@shared_task(name="codes.work_job")
def work_job(kind: str, job_id: int) -> None:
    working.work_job(kind, job_id, seconds=SECONDS_PER_JOB)


@shared_task(name="codes.work_due_jobs")
def work_due_jobs() -> None:
    working.work_due(seconds=SECONDS_PER_JOB)


@shared_task(name=DRAIN, soft_time_limit=8, time_limit=9)
def drain_advices() -> None:
    if draining.drain(seconds=SECONDS_PER_DRAIN) and inbox.is_due():
        doorbell.ring(DRAIN)  # A task ends in time; what is left is another one's.


@shared_task(name="codes.tidy_advice_tallies")
def tidy_advice_tallies() -> None:
    tallies.tidy(seconds=10)


@shared_task(name="codes.replenish")
def replenish() -> None:
    replenishing.replenish_due()


@shared_task(name="codes.sweep_expired")
def sweep_expired() -> None:
    expiring.sweep_expired(seconds=SECONDS_PER_JOB)


@shared_task(name="codes.settle_due")
def settle_due() -> None:
    settling.sweep_due(seconds=SECONDS_PER_JOB)
    expiring_holds.sweep_reservations(seconds=SECONDS_PER_JOB)


@shared_task(name="codes.sweep_holds")
def sweep_holds() -> None:
    releasing.sweep_expired(seconds=SECONDS_PER_JOB)


@shared_task(name="codes.reseal")
def reseal() -> None:
    resealing.reseal(seconds=SECONDS_PER_JOB)


@shared_task(name="codes.discard_forgotten_imports")
def discard_forgotten_imports() -> None:
    import_tidying.discard_forgotten()


@shared_task(name="codes.sum_batches")
def sum_batches() -> None:
    summing.sum_up(seconds=10)


@shared_task(name="codes.send_receipts")
def send_receipts() -> None:
    mailing.send_due_mails()


@shared_task(name="codes.heartbeat")
def heartbeat() -> None:
    """Written by a worker that really consumes: one that only holds its connection falls silent."""
    heartbeats.beat("worker")
