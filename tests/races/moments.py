"""Doing one deed in the middle of another: at a chosen statement, on a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections


@contextmanager
def before_statement(marker: str, deed: Callable[[], Any]) -> Iterator[list[Any]]:
    """Do ``deed`` just before this thread's first statement that holds ``marker``; yields the list its result goes to."""
    outcome: list[Any] = []
    errors: list[BaseException] = []

    def carry_out() -> None:
        try:
            outcome.append(deed())
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    def wrap(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if marker in sql and not outcome and not errors:
            thread = threading.Thread(target=carry_out)
            thread.start()
            thread.join()
            if errors:
                raise errors[0]
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrap):
        yield outcome
    assert outcome, f"no statement held {marker!r}"
