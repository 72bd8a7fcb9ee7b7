"""Writing the audit: one row per state-changing deed, in the deed's own commit."""

import datetime as dt
from typing import Any

import orjson
import structlog

from accounts import clock, digests
from accounts.models import AuditRecord, Site


def record(
    action: str,
    *,
    site: Site | int | None,
    actor_id: str,
    object_type: str,
    object_id: object,
    detail: dict[str, Any] | None = None,
    now: dt.datetime | None = None,
) -> AuditRecord:
    """Write the audit row of one deed. ``detail`` never holds a code or a secret.

    The request is the one whose ID the edge has bound for the log lines; a task's or a command's deed names none.
    """
    row = AuditRecord(
        site_id=site.pk if isinstance(site, Site) else site,
        actor_id=actor_id,
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        detail=detail or {},
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
        recorded_at=now or clock.read(),
    )
    row.mac = mac(row)
    row.save(force_insert=True)
    return row


def mac(row: AuditRecord) -> bytes:
    """The keyed digest of a row's other columns; microseconds and sorted keys keep it equal after dump and restore."""
    microseconds = round(row.recorded_at.timestamp() * 1_000_000)
    fields = [row.site_id, row.actor_id, row.action, row.object_type, row.object_id, row.detail, row.request_id]
    return digests.keyed("audit", orjson.dumps([*fields, microseconds], option=orjson.OPT_SORT_KEYS), size=32)
