"""Storing fresh codes: whole blocks of them at once. A code that the site has already is not stored, and said to be missing.

PostgreSQL gets a binary COPY, SQLite one prepared INSERT run for each row. Where a code exists already, which chance
makes happen once in longer than anybody waits, the block is inserted a second time in a way that passes over it.
"""

import datetime as dt
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import IntegrityError, connection, transaction

from accounts import copying, rows
from codes.models import Code, IssueOrder

TABLE = "codes_code"
SAME = (
    ("site_id", "bigint"), ("batch_id", "bigint"), ("order_id", "bigint"), ("terms_id", "bigint"),
    ("key_version", "smallint"), ("state", "text"), ("max_uses", "integer"), ("uses", "integer"),
    ("redemptions", "integer"), ("valid_from", "timestamptz"), ("valid_until", "timestamptz"), ("owner_id", "bigint"),
    ("last_actor_id", "text"),
)  # fmt: skip
OWN = (("serial", "bigint"), ("lookup_odd", "bytea"), ("lookup_even", "bytea"), ("sealed", "bytea"))
COLUMNS = SAME + OWN
ROWS_A_WRITE = 5_000


# A code to be: what finds it (``lookup_odd`` and ``lookup_even`` of codes/keys.py) and what shows it (``sealed``).
Unnumbered = tuple[bytes | None, bytes | None, bytes]
Fresh = tuple[int, bytes | None, bytes | None, bytes]  # The same with its serial before it.


@dataclass(frozen=True)
class Block:
    """Fresh codes that are alike in everything but themselves; quickest to store in the order of their digests."""

    terms_id: int
    max_uses: int
    valid_from: dt.datetime | None
    valid_until: dt.datetime | None
    key_version: int
    codes: Sequence[Fresh]
    owner_id: int | None = None
    state: str = Code.State.ACTIVE.value

    def same(self, order: IssueOrder) -> tuple[Any, ...]:
        """The values of ``SAME`` for each of its codes under the order."""
        return (
            order.site_id, order.batch_id, order.pk, self.terms_id, self.key_version, self.state,
            self.max_uses, 0, 0, self.valid_from, self.valid_until, self.owner_id, "",
        )  # fmt: skip


def store(order: IssueOrder, blocks: Sequence[Block]) -> list[int]:
    """Store the codes under the order; answers the serials of those that the site has already, none of which is stored."""
    try:
        with transaction.atomic():  # A savepoint: whoever calls is in a transaction of its own.
            if connection.vendor == "postgresql":
                copying.copy_in(TABLE, [name for name, _ in COLUMNS], encoded(order, blocks))
            else:
                insert_each(order, blocks)
        return []
    except IntegrityError:
        written = rows.insert(TABLE, COLUMNS, plain(order, blocks), "ON CONFLICT DO NOTHING RETURNING serial")
    stored = {serial for (serial,) in written}
    return [code[0] for block in blocks for code in block.codes if code[0] not in stored]


def plain(order: IssueOrder, blocks: Sequence[Block]) -> list[tuple[Any, ...]]:
    """The codes as rows of ``COLUMNS``."""
    return [(*same, *code) for block in blocks for same in [block.same(order)] for code in block.codes]


def insert_each(order: IssueOrder, blocks: Sequence[Block]) -> None:
    """One statement, prepared once and run for each code."""
    into, marks = rows.named(TABLE, COLUMNS), ", ".join(["%s"] * len(COLUMNS))
    statement = f"INSERT INTO {into} VALUES ({marks})"  # noqa: S608
    with connection.cursor() as cursor:
        for block in blocks:
            same = tuple(map(rows.sqlite_value, block.same(order)))
            cursor.executemany(statement, [(*same, *code) for code in block.codes])


def encoded(order: IssueOrder, blocks: Sequence[Block]) -> Iterator[bytes]:
    """The codes as rows for COPY. What the codes of a block share is put into bytes once."""
    for block in blocks:
        values = zip(SAME, block.same(order), strict=True)
        same = copying.head(len(COLUMNS)) + b"".join(copying.field(kind, value) for (_, kind), value in values)
        for start in range(0, len(block.codes), ROWS_A_WRITE):
            part = block.codes[start : start + ROWS_A_WRITE]
            yield same + same.join([own(*code) for code in part])


def own(serial: int, odd: bytes | None, even: bytes | None, sealed: bytes) -> bytes:
    """The columns ``OWN`` of one code. Nearly every code has one digest only, of 16 bytes."""
    size = len(sealed)
    if even is None and odd is not None:
        return only_odd(size)(8, serial, 16, odd, -1, size, sealed)
    if odd is None and even is not None:
        return only_even(size)(8, serial, -1, 16, even, size, sealed)
    values = zip(OWN, (serial, odd, even, sealed), strict=True)
    return b"".join(copying.field(kind, value) for (_, kind), value in values)


@cache
def only_odd(size: int) -> Any:
    return struct.Struct(f">iqi16sii{size}s").pack


@cache
def only_even(size: int) -> Any:
    return struct.Struct(f">iqii16si{size}s").pack
