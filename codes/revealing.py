"""Revealing a code to a member of staff: the only way its characters are shown, always with a reason and an audit row."""

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing
from accounts.models import User
from codes import lookup
from codes.models import Advice, Batch, Code


def reveal(code: Code, *, actor_id: str, reason: str) -> str:
    """The display form of one code, after the audit row has been committed. Raises ValidationError without a reason."""
    note_revealed("code", code, "code", actor_id=actor_id, reason=reason)
    return lookup.shown(code)


def note_revealed(object_type: str, row: Code | Advice, called: str, *, actor_id: str, reason: str) -> None:
    """Record why a member of staff is shown what rests sealed. Raises ValidationError without a reason."""
    if not reason.strip():
        raise ValidationError({"reason": [f"Say why the {called} must be seen."]})
    with transaction.atomic(durable=True):
        auditing.record(
            f"{object_type}.reveal",
            site=row.site_id,
            actor_id=actor_id,
            object_type=object_type,
            object_id=row.pk,
            detail={"reason": reason.strip()[:200]},
        )


def note_shown(batch: Batch, code: Code | None, *, actor_id: str, door: str) -> None:
    """Record that the code, or all codes of the batch that open content, leave through a door whose answers are the codes."""
    with transaction.atomic(durable=True):
        auditing.record(
            "batch.reveal" if code is None else "code.reveal",
            site=batch.site_id,
            actor_id=actor_id,
            object_type="batch" if code is None else "code",
            object_id=(code or batch).pk,
            detail={"door": door},
        )


def note_own_shown(claimant: User, count: int, *, actor_id: str, door: str) -> None:
    """Record that so many of a claimant's own codes are told to a program with their characters."""
    with transaction.atomic(durable=True):
        auditing.record(
            "claimant.codes_reveal",
            site=claimant.site_id,
            actor_id=actor_id,
            object_type="user",
            object_id=claimant.pk,
            detail={"door": door, "codes": count},
        )
