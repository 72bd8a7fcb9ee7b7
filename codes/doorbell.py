"""Ringing the workers: the work itself lies in the database, so a broker that is away only makes it start a little later."""

import logging
import os
import threading
import time
from typing import Any

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def ring(task: str, *arguments: Any) -> None:
    """Once the transaction has committed, tell the workers that ``task`` has work; never raises and never retries."""
    transaction.on_commit(lambda: _ring_now(task, arguments))


def _ring_now(task: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the broker took it."""
    try:
        current_app.send_task(task, args=arguments, retry=False, ignore_result=True)
    except Exception as error:  # Whatever the broker's client raises, the due-poller finds the work.
        log.warning("doorbell not heard", extra={"task": task, "error": type(error).__name__})
        return False
    return True


class Ringer(threading.Thread):
    """Rings for one task from a thread of its own, so that nobody waits for the broker; many rings at once are one.

    After a ring that was not heard it waits a while: the broker is away, and the due-poller looks by itself.
    """

    PAUSE_SECONDS = 0.1
    PAUSE_AFTER_SILENCE_SECONDS = 5.0

    def __init__(self, task: str) -> None:
        super().__init__(name=f"ringing for {task}", daemon=True)
        self.task = task
        self.process_id = os.getpid()
        self.asked = threading.Event()

    def run(self) -> None:
        while True:
            self.asked.wait()
            self.asked.clear()
            heard = _ring_now(self.task, ())
            time.sleep(self.PAUSE_SECONDS if heard else self.PAUSE_AFTER_SILENCE_SECONDS)


_ringers: dict[str, Ringer] = {}
_starting = threading.Lock()


def ring_soon(task: str) -> None:
    """Tell the workers that ``task`` has work, for work that has committed and of which there may be thousands a second."""
    ringer = _ringers.get(task)
    if ringer is None or ringer.process_id != os.getpid():  # A thread does not follow into a child process.
        with _starting:
            ringer = _ringers.get(task)
            if ringer is None or ringer.process_id != os.getpid():
                ringer = _ringers[task] = Ringer(task)
                ringer.start()
    ringer.asked.set()
