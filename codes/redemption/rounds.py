"""The rounds of a list, and why it is judged once more: nothing was changed, and another round knows better."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts import commits


class JudgeAgain(Exception):
    """Somebody was faster, before a lock was had or between the judgement and the write; what they did can be read now."""


class BatchLockNeeded(Exception):
    """A code turned out to be of a batch that must be locked first: give everything up and start again with that lock."""

    def __init__(self, batch_ids: set[int]) -> None:
        super().__init__(batch_ids)
        self.batch_ids = batch_ids


class CountsDiffer(Exception):
    """A guarded write touched another number of rows than was judged under the lock: a bug alarm."""


@contextmanager
def one_round() -> Iterator[None]:
    """A round's transaction, in which nothing is written before all locks are had.

    Where one was missing it is therefore committed and not rolled back: the driver forgets at every ROLLBACK what it has prepared,
    and each redemption of a capped batch, which begins like that, would be planned anew.
    """
    missing: BatchLockNeeded | None = None
    with transaction.atomic(durable=True):
        try:
            yield
        except BatchLockNeeded as needed:
            missing = needed
            commits.need_not_last()
    if missing is not None:
        raise missing
