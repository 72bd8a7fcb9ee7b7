"""Working jobs off: claimed under a lease, done in chunks of one transaction each, safe twice, beside each other and when killed.

A kind of job is a model of codes/models/jobs.py and a step (``KINDS`` in codes/working.py): the step gets the claimed job,
does one chunk under ``lock(job)`` and answers the job as it then stands. The database alone decides what is due.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import F, Q

from accounts import auditing, clock, locking
from codes.models import Job
from codes.refusals import IdempotencyMismatch

log = logging.getLogger(__name__)

J = TypeVar("J", bound=Job)
State = Job.State
OPEN = (State.QUEUED, State.RUNNING, State.CANCELLING)
CANCELLABLE = (State.QUEUED, State.RUNNING, State.FAILED)  # A failed one too, or what it began would be stuck for ever.
LEASE = dt.timedelta(seconds=30)
MOST_CLAIMS = 8
LONGEST_PAUSE_SECONDS = 1.0


class Overtaken(Exception):
    """The claim does not count any more: another worker has the job, or it was cancelled or has ended."""


def find_earlier(model: type[J], caller_key: str, idempotency_key: str | None, fingerprint: bytes) -> J | None:
    """The job that this caller's key belongs to, with its batch. Raises IdempotencyMismatch if it was for something else."""
    if idempotency_key is None:
        return None
    rows = model._default_manager.filter(caller=caller_key, idempotency_key=idempotency_key)
    job = rows.select_related("batch").first()
    if job and bytes(job.fingerprint or b"") != fingerprint:
        raise IdempotencyMismatch
    return job


def work(
    model: type[J],
    job_id: int,
    step: Callable[[J], J],
    on_progress: Callable[[J], None] | None = None,
    *,
    seconds: float | None = None,
    gently: bool = False,
) -> J:
    """Work a job off, for at most ``seconds`` if given; answers it as it then stands. Safe to call twice or beside another.

    ``gently`` leaves SQLite, which has one writer, to everybody else for as long as each chunk took.
    """
    pauses = gently and connection.vendor == "sqlite"
    job = claim(model, job_id)
    started = time.monotonic()
    while job.state in (State.RUNNING, State.CANCELLING):
        if seconds is not None and time.monotonic() - started > seconds:
            release(job)
            break
        began = time.monotonic()
        try:
            job = step(job)
        except Overtaken:
            return model._default_manager.get(pk=job_id)
        if pauses:
            time.sleep(min(time.monotonic() - began, LONGEST_PAUSE_SECONDS))
        if on_progress:
            on_progress(job)
    return job


def claim(model: type[J], job_id: int) -> J:
    """Take the job under a lease with a new token, the attempt being counted before the work.

    Answers it unclaimed (not running) if another worker holds it or it has ended.
    """
    with transaction.atomic(durable=True):
        job = locking.lock_ids(model, [job_id])[job_id]
        now = clock.read()
        if job.state not in OPEN or (job.lease_until and job.lease_until > now):
            job.state = job.state if job.state not in OPEN else State.QUEUED
            return job
        job.attempts += 1
        if job.attempts > MOST_CLAIMS:
            job.state, job.error, job.finished_at = State.FAILED, "Failed eight times without progress.", now
            log.error("job failed", extra={"kind": model._meta.model_name, "job": job.pk})
        elif job.state == State.QUEUED:
            job.state, job.started_at = State.RUNNING, job.started_at or now
        job.token += 1
        job.lease_until = now + LEASE
        job.save()
    return job


def lock(claimed: J, *related: str) -> J:
    """The job under its lock, with its ``related`` rows. Raises Overtaken."""
    rows = type(claimed)._default_manager.filter(pk=claimed.pk)
    job = locking.lock_rows(rows.select_related(*related) if related else rows)[0]
    if job.token != claimed.token or job.state != claimed.state:
        raise Overtaken
    return job


def next_stride(stride: int, took: float, wanted: float, *, least: int) -> int:
    """How much the next chunk takes on, so that it takes ``wanted`` seconds as this one took ``took``; at most twice as much."""
    return max(least, int(stride * min(2.0, wanted / max(took, 0.001))))


def renew(job: Job, now: dt.datetime) -> None:
    """A chunk is done: the lease begins anew, and what failed before it does not count any more. The caller saves."""
    job.attempts, job.lease_until = 0, now + LEASE


def finish(job: Job, now: dt.datetime, state: str = State.DONE) -> None:
    """The job has ended. The caller saves."""
    job.state, job.finished_at, job.lease_until = State(state), now, None


def release(job: Job) -> None:
    """Give the lease back, so that the next worker need not wait for its end."""
    rows = type(job)._default_manager.filter(pk=job.pk, token=job.token, state__in=OPEN)
    rows.update(lease_until=None, attempts=0)


def cancel(
    job: Job, action: str, object_type: str, object_id: int, *, actor_id: str, detail: dict[str, Any] | None = None
) -> bool:
    """Have a job that is not done undo what it can, by whoever works jobs; False if it is too late. Audited."""
    with transaction.atomic(durable=True):
        now = clock.read()
        rows = type(job)._default_manager.filter(pk=job.pk, state__in=CANCELLABLE)
        cancelled = rows.update(state=State.CANCELLING, due_at=now, lease_until=None, token=F("token") + 1, attempts=0)
        if cancelled:
            auditing.record(
                action,
                site=job.site_id,
                actor_id=actor_id,
                object_type=object_type,
                object_id=object_id,
                detail=detail,
                now=now,
            )
    return bool(cancelled)


def due(model: type[Job], limit: int = 10) -> list[int]:
    """Jobs that nobody holds and that are to be worked on, oldest first: chosen by state and due time alone."""
    now = clock.read()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    rows = model._default_manager.filter(free, state__in=OPEN, due_at__lte=now)
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:limit])


def pace(job: Job, now: dt.datetime) -> tuple[float, int | None]:
    """Things a second since the job began, and the seconds left at that rate; (0, None) before anything was done.

    Likewise of a job that is undone or has failed: what it has done by then says nothing of what is still to come.
    """
    done, of = job.progress
    if not done or job.started_at is None or job.state not in (State.RUNNING, State.DONE):
        return 0.0, None
    rate = done / max(((job.finished_at or now) - job.started_at).total_seconds(), 0.001)
    return rate, round((of - done) / rate)
