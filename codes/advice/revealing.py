"""Showing what a till has sent, as it was sent: it names a code, so as a code it is shown with a reason and an audit row only."""

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing
from codes import keys
from codes.models import Advice


def reveal(advice: Advice, *, actor_id: str, reason: str) -> str:
    """The body, after the audit row has been committed; what is no text in it escaped. Raises ValidationError without a reason."""
    if not reason.strip():
        raise ValidationError({"reason": ["Say why the report must be seen."]})
    with transaction.atomic(durable=True):
        auditing.record(
            "advice.reveal",
            site=advice.site_id,
            actor_id=actor_id,
            object_type="advice",
            object_id=advice.pk,
            detail={"reason": reason.strip()[:200]},
        )
    sealed = Advice.objects.only("site_id", "key_version", "raw").get(pk=advice.pk)
    body = keys.unseal_bytes(sealed.site_id, sealed.key_version, sealed.raw)
    return body.decode("utf-8", errors="backslashreplace")
