"""The moments of a deed: what happens around each of its statements, and another deed done in the middle of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection, connections

from accounts import prepared

Around = Callable[[str, Callable[[], Any]], Any]


@contextmanager
def around_statements(around: Around) -> Iterator[None]:
    """Have ``around(sql, go)`` run every statement of this thread by calling ``go()``: Django's and the hot ones."""
    execute_hot, this_thread = prepared.HotCursor.execute, threading.get_ident()

    def hot(self: Any, sql: str, params: Any = None) -> Any:
        def go() -> Any:
            return execute_hot(self, sql, params)

        return around(sql, go) if threading.get_ident() == this_thread else go()

    def other(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        return around(sql, lambda: execute(sql, params, many, context))

    with mock.patch.object(prepared.HotCursor, "execute", hot), connection.execute_wrapper(other):
        yield


@contextmanager
def before_statement(marker: str, deed: Callable[[], Any]) -> Iterator[list[Any]]:
    """Do ``deed``, on a connection of its own, just before this thread's first statement that holds ``marker``.

    Yields the list that its result goes to.
    """
    outcome: list[Any] = []
    errors: list[BaseException] = []

    def carry_out() -> None:
        try:
            outcome.append(deed())
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    def around(sql: str, go: Callable[[], Any]) -> Any:
        if marker in sql and not outcome and not errors:
            thread = threading.Thread(target=carry_out)
            thread.start()
            thread.join()
            if errors:
                raise errors[0]
        return go()

    with around_statements(around):
        yield outcome
    assert outcome, f"no statement held {marker!r}"
