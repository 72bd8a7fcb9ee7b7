"""Showing what a till has sent, as it was sent: it names a code, so as a code it is shown with a reason and an audit row only."""

from codes import keys
from codes.models import Advice
from codes.revealing import note_revealed


def reveal(advice: Advice, *, actor_id: str, reason: str) -> str:
    """The body, after the audit row has been committed; what is no text in it escaped. Raises ValidationError without a reason."""
    note_revealed("advice", advice, "report", actor_id=actor_id, reason=reason)
    sealed = Advice.objects.only("site_id", "key_version", "raw").get(pk=advice.pk)
    body = keys.unseal_bytes(sealed.site_id, sealed.key_version, sealed.raw)
    return body.decode("utf-8", errors="backslashreplace")
