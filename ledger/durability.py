"""A deed as one durable transaction of its own, tried again where the database asks for another try."""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction

from accounts import turns

P = ParamSpec("P")
Answer = TypeVar("Answer")

ROUNDS = 5
RETRIED = {"40001", "40P01"}  # Serialization failure and deadlock: the database asks for another try.
LONGEST_PAUSE_SECONDS = 0.05


def durable(deed: Callable[P, Answer]) -> Callable[P, Answer]:
    """Run ``deed`` in one transaction, up to five times; nothing of a try that was lost remains, so a caller hears of none."""

    @functools.wraps(deed)
    def settled(*args: P.args, **kwargs: P.kwargs) -> Answer:
        for tried in range(1, ROUNDS + 1):
            try:
                with turns.one_writer(), transaction.atomic(durable=True):
                    return deed(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", "") not in RETRIED or tried == ROUNDS:
                    raise
                time.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))  # noqa: S311 (no secret)
        raise AssertionError("The last round answers or raises.")

    return settled
