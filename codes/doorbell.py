"""Ringing the workers: the work itself lies in the database, so a broker that is away only makes it start a little later."""

import logging
from typing import Any

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def ring(task: str, *arguments: Any) -> None:
    """Once the transaction has committed, tell the workers that ``task`` has work; never raises and never retries."""
    transaction.on_commit(lambda: _ring_now(task, arguments))


def _ring_now(task: str, arguments: tuple[Any, ...]) -> None:
    try:
        current_app.send_task(task, args=arguments, retry=False, ignore_result=True)
    except Exception as error:  # Whatever the broker's client raises, the due-poller finds the work.
        log.warning("doorbell not heard", extra={"task": task, "error": type(error).__name__})
