"""Reading a code that was handed out, to tell it: one plain statement for what the ORM takes 2 ms to ask and to put together.

What is not read is deferred, as by the ORM: it is asked for if somebody wants it.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, TypeVar

from django.db.models import Model

from accounts import prepared
from accounts.models import User
from codes.models import Assignment, Batch, Code, Terms
from ledger.models import Asset

M = TypeVar("M", bound=Model)

WANTED: dict[type[Model], set[str]] = {
    Assignment: {"id", "code_id", "claimant_id", "assigned_at"},
    Code: {
        *("id", "site_id", "batch_id", "terms_id", "serial", "sealed", "key_version", "state"),
        *("max_uses", "uses", "valid_from", "valid_until"),
    },
    Batch: {"id", "name", "state"},
    Terms: {"id", "action", "asset_id", "value", "uses_per_claimant"},
    Asset: {"id", "code", "kind", "exponent"},
    User: {"id", "claimant_id"},
}
# In the order of the model's own fields, as rows are made into objects.
FIELDS = {
    model: [f.attname for f in model._meta.concrete_fields if f.attname in names] for model, names in WANTED.items()
}
COLUMNS = ", ".join(f"{model._meta.db_table}.{name}" for model, names in FIELDS.items() for name in names)
READ = f"""
    SELECT {COLUMNS}
    FROM codes_assignment
    JOIN codes_code ON codes_code.id = codes_assignment.code_id
    JOIN codes_batch ON codes_batch.id = codes_code.batch_id
    JOIN codes_terms ON codes_terms.id = codes_code.terms_id
    JOIN accounts_user ON accounts_user.id = codes_assignment.claimant_id
    LEFT JOIN ledger_asset ON ledger_asset.id = codes_terms.asset_id
    WHERE codes_assignment.id = %s
"""  # noqa: S608


def read(assignment_id: int) -> Assignment:
    """The assignment with its code (with batch, terms and asset) and its claimant."""
    with prepared.cursor() as cursor:
        cursor.execute(READ, [assignment_id])
        values = iter([in_utc(value) for value in cursor.fetchone()])
    assignment, code, batch = part(Assignment, values), part(Code, values), part(Batch, values)
    terms, asset = part(Terms, values), part(Asset, values)
    assignment.code, assignment.claimant = code, part(User, values)
    code.batch, code.terms = batch, terms
    terms.asset = asset if terms.asset_id else None
    return assignment


def part(model: type[M], values: Iterator[Any]) -> M:
    names = FIELDS[model]
    return model.from_db("default", names, [next(values) for _ in names])


def in_utc(value: Any) -> Any:
    """SQLite tells instants without their zone."""
    return value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) and value.tzinfo is None else value
