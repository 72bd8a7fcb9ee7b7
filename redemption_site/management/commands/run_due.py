"""The due-poller: works off everything that is due, by the database alone, beside the workers and without any broker."""

import logging
import signal
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from accounts import heartbeats, tidying
from codes import expiring, import_tidying, mailing, releasing, replenishing, resealing, working
from codes.advice import draining, tallies
from ledger import expiring_holds, settling, summing

log = logging.getLogger(__name__)

EVERY_SECONDS = 2
SLICE_SECONDS = 5


# Deed, and how many seconds lie between two runs.
DEEDS: tuple[tuple[Callable[[], Any], int], ...] = (
    (lambda: heartbeats.beat("poller"), EVERY_SECONDS),
    (lambda: working.work_due(seconds=SLICE_SECONDS), EVERY_SECONDS),
    (lambda: draining.drain(seconds=SLICE_SECONDS), EVERY_SECONDS),
    (mailing.send_due_mails, EVERY_SECONDS),
    (lambda: settling.sweep_due(seconds=SLICE_SECONDS), 10),
    (lambda: expiring_holds.sweep_reservations(seconds=SLICE_SECONDS), 10),
    (lambda: expiring.sweep_expired(seconds=SLICE_SECONDS), 20),
    (lambda: releasing.sweep_expired(seconds=SLICE_SECONDS), 10),
    (lambda: resealing.reseal(seconds=SLICE_SECONDS), 10),
    (lambda: tidying.tidy(seconds=SLICE_SECONDS), 60),
    (import_tidying.discard_forgotten, 600),
    (replenishing.replenish_due, 10),
    (lambda: summing.sum_up(seconds=SLICE_SECONDS), 60),
    (lambda: tallies.tidy(seconds=SLICE_SECONDS), 60),
)


class Command(BaseCommand):
    help = (
        "Work off what is due: jobs, advices, batches that run low, receipts, suspended bookings, reservations, expired value, "
        "old seals and rows. Needs only the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Do everything once and end.")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        self.running = True
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, self.stop)
        due = [0.0] * len(DEEDS)
        while self.running:
            for number, (deed, seconds) in enumerate(DEEDS):
                if self.running and time.monotonic() >= due[number]:
                    due[number] = time.monotonic() + seconds
                    run(deed)
            if once:
                break
            time.sleep(0.2)

    def stop(self, *_: Any) -> None:
        """End after the deed in hand; each is whole or absent anyway."""
        self.running = False


def run(deed: Callable[[], Any]) -> None:
    """One deed's failure must not keep the others from their work; the next round tries again."""
    try:
        deed()
    except DatabaseError:
        log.exception("due work failed")
        connection.close()
    except Exception:
        log.exception("due work failed")
