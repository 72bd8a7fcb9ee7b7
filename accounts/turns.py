"""Whose turn it is to write on SQLite, which has one lock for everything.

SQLite lets those who wait for it sleep longer and longer, so that some wait for seconds while others come and go: the slowest of a
hundred answers took 1.2 s that way. Asking for a file's lock in short steps is fairer (0.3 s), and SQLite's own lock is free then.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import connection

from accounts import database

LONGEST_WAIT_SECONDS = 8.0
PAUSE_SECONDS = 0.003


class LockFile:
    """A file opened for its lock, which is between open files: threads of one process wait for each other too."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.process_id = os.getpid()
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __del__(self) -> None:
        os.close(self.descriptor)

    def try_to_lock(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self) -> None:
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)


class _Opened(threading.local):
    """The lock file, open as long as its thread."""

    file: LockFile | None = None


_opened = _Opened()


def one_writer() -> Any:
    """In a ``with`` around a transaction that writes: on SQLite waits for the turn first; elsewhere nothing."""
    if database.is_postgresql():
        return nullcontext()
    path = str(connection.settings_dict["NAME"])
    return turn(f"{path}.turn") if path.startswith("/") else nullcontext()


@contextmanager
def turn(path: str) -> Iterator[bool]:
    """Hold the lock of the file at ``path``, for one thread at a time; gives whether it is held.

    Who has not got it in 8 s goes on without: then SQLite decides, as it does between all other writers.
    """
    file = _opened.file
    # A child process must not share its parent's open file, and with it the lock.
    if file is None or (file.path, file.process_id) != (path, os.getpid()):
        file = _opened.file = LockFile(path)
    patience = time.monotonic() + LONGEST_WAIT_SECONDS
    held = file.try_to_lock()
    while not held and time.monotonic() < patience:
        time.sleep(PAUSE_SECONDS)
        held = file.try_to_lock()
    try:
        yield held
    finally:
        if held:
            file.unlock()
