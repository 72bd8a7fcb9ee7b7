"""How the tests order edits and look at what became of them."""

from typing import Any

from codes import editing
from codes.foreseeing import NewEdit
from codes.models import Batch, BatchEdit


def order(batch: Batch, kind: str, **parameters: Any) -> BatchEdit:
    """The edit, ordered and not begun; ``key`` is its idempotency key."""
    key = parameters.pop("key", None)
    new = NewEdit(kind=kind, reason=parameters.pop("reason", "a test"), **parameters)
    return editing.order_edit(batch, new, caller_key="test", actor_id="boss", idempotency_key=key)[0]


def edit(batch: Batch, kind: str, **parameters: Any) -> BatchEdit:
    """The edit, worked off."""
    return editing.work_edit(order(batch, kind, **parameters).pk)


def facts(batch: Batch) -> list[tuple[Any, ...]]:
    """All that an edit may touch, code by code."""
    columns = ("serial", "state", "uses", "max_uses", "valid_from", "valid_until", "value_expired_at", "owner_id")
    return list(batch.codes.order_by("serial").values_list(*columns))
