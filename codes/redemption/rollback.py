"""Step 11 and what goes with it: when a list's transaction is lost, decide whether to judge again, try halves, or say why.

Nothing that raises here has changed anything: the whole list was one transaction.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, IntegrityError, OperationalError, connection

from accounts import clock, database
from accounts.outages import IDLE_TOO_LONG, sqlstate
from accounts.refusals import Refusal
from codes.redemption import facts as reading
from codes.redemption import journal
from codes.redemption.case import Case
from codes.redemption.commands import Outcome, RedeemCode
from codes.redemption.rounds import BatchLockNeeded, CountsDiffer, JudgeAgain
from codes.refusals import ActionFailed, ActionTimeout, AuditWriteFailed, CodeBusy, ConcurrentChange
from ledger.durability import RETRIED

log = logging.getLogger(__name__)

ROUNDS = 5
NOT_LOCKED = "55P03"
TIMED_OUT = "57014"


@dataclass(frozen=True, slots=True)
class Round:
    """How a list is tried: which batches are locked first, and whether its writes are sent one after another."""

    locked_batches: set[int]
    apart: bool


Together = Callable[[list[Case], Round], list[Outcome]]


class StageFailed(Exception):
    """A write failed unexpectedly; ``refusal`` is what the claimant hears, or ``unclear`` where several were sent as one."""

    def __init__(self, refusal: type[Refusal], *, unclear: bool = False) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal
        self.unclear = unclear


def is_busy(error: OperationalError) -> bool:
    return sqlstate(error) == NOT_LOCKED or "database is locked" in str(error)


@contextmanager
def stage(refusal: type[Refusal], *, unclear: bool = False) -> Iterator[None]:
    """Name what a failure inside means for the claimant. Lock and connection errors pass as they are."""
    try:
        yield
    except (Refusal, JudgeAgain, CountsDiffer, StageFailed):
        raise
    except OperationalError as error:
        if sqlstate(error) == TIMED_OUT:
            raise StageFailed(ActionTimeout) from error
        if sqlstate(error) in RETRIED or is_busy(error) or is_unreachable(error):
            raise
        raise StageFailed(refusal, unclear=unclear) from error
    except Exception as error:
        if sqlstate(error) == IDLE_TOO_LONG:
            raise
        raise StageFailed(refusal, unclear=unclear) from error


@contextmanager
def busy_as_refusal() -> Iterator[None]:
    """For deeds beside the engine: a lock not obtained in time is CodeBusy; the deed's transaction is lost, nothing changed."""
    try:
        yield
    except OperationalError as error:
        if is_busy(error) or sqlstate(error) in RETRIED:
            raise CodeBusy(retry_after_seconds=1) from error
        raise


def is_unreachable(error: DatabaseError) -> bool:
    """Whether the database cannot be reached, and is not only slow: nobody can say then what became of anything."""
    return database.is_postgresql() and (
        connection.connection is None or connection.connection.closed or sqlstate(error)[:2] in ("08", "57", "53")
    )


def until_settled(commands: list[RedeemCode], together: Together, *, keep: bool, whole: bool = False) -> list[Outcome]:
    """Run ``together`` until it commits, or until each command that cannot has its refusal (kept as an attempt, if ``keep``).

    A ``whole`` list happens as one or not at all, and may have no commands: what cannot be settled is raised as a Refusal.
    """
    if not commands and not whole:
        return []
    locked_batches: set[int] = set()
    apart = counts_differed = False
    refusal: type[Refusal] = CodeBusy
    for number in range(ROUNDS):
        cases = reading.read_commands(commands)
        try:
            return together(cases, Round(locked_batches, apart))
        except BatchLockNeeded as needed:
            locked_batches = needed.batch_ids
        except JudgeAgain:
            continue
        except CountsDiffer:
            log.exception("guarded counts differ from the judgement", extra={"attempts": [str(c.id) for c in cases]})
            refusal = ConcurrentChange
            if counts_differed:
                break
            counts_differed = True
        except StageFailed as failed:
            log.exception("redemption rolled back", extra={"attempts": [str(c.id) for c in cases]})
            refusal = failed.refusal
            if failed.unclear:
                apart = True  # One after another: only so does the database say which write it refuses.
                continue
            if not isinstance(failed.__cause__, IntegrityError):
                break  # A constraint may speak because somebody was faster: then judging again finds what they did.
        except IntegrityError:
            # Foreign keys are checked at the commit, which is then lost as a whole like any other failed write.
            log.exception("redemption refused at its commit", extra={"attempts": [str(c.id) for c in cases]})
            refusal = ActionFailed
        except OperationalError as error:
            if is_busy(error):
                break
            if sqlstate(error) not in RETRIED:
                raise
            time.sleep(random.uniform(0, 0.01 * 2**number))  # noqa: S311 (jitter, not a secret)
    if len(commands) > 1 and not whole:
        # One that the database refuses must not spoil the others.
        middle = len(commands) // 2
        return [
            *until_settled(commands[:middle], together, keep=keep),
            *until_settled(commands[middle:], together, keep=keep),
        ]
    wait = 1 if refusal is CodeBusy else None
    if whole:
        told = [failed_outcome(case, refusal(retry_after_seconds=wait), keep=keep).refusal for case in cases]
        raise next((each for each in told if each is not None), refusal(retry_after_seconds=wait))
    return [failed_outcome(cases[0], refusal(retry_after_seconds=wait), keep=keep)]


def failed_outcome(case: Case, refusal: Refusal, *, keep: bool) -> Outcome:
    """Tell one claimant that nothing was changed and why, and record the failed attempt in a short transaction of its own."""
    # SQLite has one lock for everything: where it was not had in 8 s, nobody is kept waiting for it once more.
    if keep and not (isinstance(refusal, CodeBusy) and not database.is_postgresql()):
        try:
            return Outcome(journal.write_failed(case, refusal), refusal)
        except DatabaseError:
            log.exception("failed attempt not recorded", extra={"attempts": [str(case.id)]})
            refusal = AuditWriteFailed()
    return Outcome(journal.unsaved(case, refusal, clock.read()), refusal, kept=False)
