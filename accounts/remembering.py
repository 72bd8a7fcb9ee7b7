"""Credentials that were right a moment ago need not be verified again; no credential itself is kept."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

from accounts import digests

Who = TypeVar("Who")


class Remembered(Generic[Who]):
    """Who was verified within the last five seconds, by the keyed digest of what they showed.

    Only successes are remembered: what was revoked is dead everywhere within five seconds, what is wrong never works.
    ``one_at_a_time``: equal credentials that come at once are verified once, where verifying costs half a second or is counted.
    """

    SECONDS = 5.0
    MOST = 10_000
    LOCKS = 64

    def __init__(self, purpose: str, *, one_at_a_time: bool = False) -> None:
        self.purpose = purpose
        self.found: OrderedDict[bytes, tuple[float, Who]] = OrderedDict()
        self.locks = [threading.Lock() for _ in range(self.LOCKS)] if one_at_a_time else []

    def find(self, verify: Callable[..., Who], *credential: str) -> Who:
        """Whoever ``verify(*credential)`` answers, at most five seconds ago; what it raises is raised."""
        digest = digests.keyed(self.purpose, *credential)
        with self.lock(digest):
            # Taken before the look, so that nothing is believed for longer than five seconds after it was read.
            now = time.monotonic()
            remembered = self.found.get(digest)
            if remembered and now - remembered[0] < self.SECONDS:
                return remembered[1]
            self.found.pop(digest, None)
            who = verify(*credential)
            self.found[digest] = now, who
            if len(self.found) > self.MOST:
                self.found.popitem(last=False)
            return who

    def lock(self, digest: bytes) -> AbstractContextManager[object]:
        return self.locks[digest[0] % self.LOCKS] if self.locks else nullcontext()

    def clear(self) -> None:
        self.found.clear()
