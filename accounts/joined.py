"""Whole rows of several models out of one statement that is written out: its columns, and the rows made of their values."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


class Joined(Generic[M]):
    """The columns of one model in such a statement, under the alias that it has there."""

    def __init__(self, model: type[M], alias: str) -> None:
        self.model, self.alias = model, alias
        self.fields = model._meta.concrete_fields
        self.columns = ", ".join(f'{alias}."{field.column}"' for field in self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def row(self, values: Sequence[Any]) -> M | None:
        """The row as Django would have read it; None where an outer join found none."""
        if all(value is None for value in values):
            return None
        given = list(values)
        for place, convert in converters(self.model):
            given[place] = convert(given[place])
        return self.model.from_db("default", [field.attname for field in self.fields], given)


@cache
def converters(model: type[Model]) -> list[tuple[int, Callable[[Any], Any]]]:
    """What turns the database's values into Python's, as Django's own queries do; by the column's place."""
    found: list[tuple[int, Callable[[Any], Any]]] = []
    for place, field in enumerate(model._meta.concrete_fields):
        column = field.get_col(model._meta.db_table)
        for convert in [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]:

            def converted(value: Any, convert: Any = convert, column: Any = column) -> Any:
                return convert(value, column, connection)

            found.append((place, converted))
    return found


def split(values: Sequence[Any], *parts: Joined[Any]) -> list[Any]:
    """One row of the statement as a row of each part, in the order in which their columns were asked for."""
    rows, start = [], 0
    for part in parts:
        rows.append(part.row(values[start : start + len(part)]))
        start += len(part)
    return rows
