"""Storing fresh codes: whole blocks of them at once. A code that the site has already is not stored, and said to be missing."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accounts import rows
from codes.models import Code, IssueOrder

COLUMNS = (
    ("site_id", "bigint"), ("batch_id", "bigint"), ("order_id", "bigint"), ("terms_id", "bigint"), ("serial", "bigint"),
    ("lookup_odd", "bytea"), ("lookup_even", "bytea"), ("sealed", "bytea"), ("key_version", "smallint"),
    ("state", "text"), ("max_uses", "integer"), ("uses", "integer"), ("redemptions", "integer"),
    ("valid_from", "timestamptz"), ("valid_until", "timestamptz"), ("owner_id", "bigint"), ("last_actor_id", "text"),
)  # fmt: skip


class Fresh(NamedTuple):
    """A code to be: its number in the batch, what finds it (codes/keys.py) and what shows it."""

    serial: int
    lookup_odd: bytes | None
    lookup_even: bytes | None
    sealed: bytes


@dataclass(frozen=True)
class Block:
    """Fresh codes that are alike in everything but themselves."""

    terms_id: int
    max_uses: int
    valid_from: dt.datetime | None
    valid_until: dt.datetime | None
    key_version: int
    codes: Sequence[Fresh]
    owner_id: int | None = None


def store(order: IssueOrder, blocks: Sequence[Block]) -> list[int]:
    """Store the codes under the order; answers the serials of those that the site has already, none of which is stored."""
    wanted = [row for block in blocks for row in rows_of(order, block)]
    written = {
        serial for (serial,) in rows.insert("codes_code", COLUMNS, wanted, "ON CONFLICT DO NOTHING RETURNING serial")
    }
    return [fresh.serial for block in blocks for fresh in block.codes if fresh.serial not in written]


def rows_of(order: IssueOrder, block: Block) -> list[tuple[Any, ...]]:
    """The block as rows of ``COLUMNS``."""
    before = (order.site_id, order.batch_id, order.pk, block.terms_id)
    after = (
        block.key_version, Code.State.ACTIVE.value, block.max_uses, 0, 0, block.valid_from, block.valid_until,
        block.owner_id, "",
    )  # fmt: skip
    return [(*before, *fresh, *after) for fresh in block.codes]
