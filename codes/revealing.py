"""Revealing a code to a member of staff: the only way its characters are shown, always with a reason and an audit row."""

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing
from codes import lookup
from codes.models import Code


def reveal(code: Code, *, actor_id: str, reason: str) -> str:
    """The display form of one code, after the audit row has been committed. Raises ValidationError without a reason."""
    if not reason.strip():
        raise ValidationError({"reason": ["Say why the code must be seen."]})
    with transaction.atomic(durable=True):
        auditing.record(
            "code.reveal",
            site=code.site_id,
            actor_id=actor_id,
            object_type="code",
            object_id=code.pk,
            detail={"reason": reason.strip()[:200]},
        )
    return lookup.shown(code)
