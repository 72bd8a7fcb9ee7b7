"""Closing work items: staff have handed the thing over, or will not."""

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing, clock, locking
from codes.models import WorkItem


def close_work_item(item: WorkItem, done: bool, *, actor_id: str, note: str = "") -> WorkItem:
    """Close an open work item as done or cancelled. Raises ValidationError if it is closed already."""
    with transaction.atomic(durable=True):
        item = locking.lock_ids(WorkItem, [item.pk])[item.pk]
        if item.state != WorkItem.State.OPEN:
            raise ValidationError({"state": ["This work item is closed already."]})
        now = clock.read()
        item.state = WorkItem.State.DONE if done else WorkItem.State.CANCELLED
        item.closed_at, item.closed_by, item.note = now, actor_id, note.strip()[:200]
        item.save()
        auditing.record(
            f"workitem.{item.state}",
            site=item.site_id,
            actor_id=actor_id,
            object_type="workitem",
            object_id=item.pk,
            now=now,
        )
    return item
