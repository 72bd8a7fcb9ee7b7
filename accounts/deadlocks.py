"""Done again after a deadlock: the database has undone everything, and asks for another try.

Whoever locks in the platform's order (``locking``) meets none of ours; a stranger's statement at the database can still make one.
"""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 5
UNDONE = frozenset({"40001", "40P01"})  # Serialization failure and deadlock.


def done_again(deed: Callable[P, R]) -> Callable[P, R]:
    """A deed that is one durable transaction, tried anew, after a short wait, where the database has broken it off.

    After the last try the database's error is raised. Inside a caller's transaction, which is lost then, it is tried once.
    """

    @wraps(deed)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        for number in range(TRIES - 1):
            try:
                return deed(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) not in UNDONE or connection.in_atomic_block:
                    raise
            time.sleep(random.uniform(0, 0.01 * 2**number))  # noqa: S311 (jitter, not a secret)
        return deed(*args, **kwargs)

    return tried
