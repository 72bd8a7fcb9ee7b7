"""Moving codes that open content to another batch of their site.

A code belongs to an order of its batch, and an order never moves: moved codes get an order in the batch they come to, and serials
at its end. The orders they leave count them as moved. Attempts stay with the batch in which they were made.
"""

import datetime as dt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Count, F, Min, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from accounts import locking
from codes import content_issuing
from codes.changing import UNCHANGED
from codes.content_codes import Span, orders
from codes.models import Batch, Code, IssueOrder


def lock_target(batch: Batch, name: str, actor_id: str) -> Batch | None:
    """Lock the batch, and the one of that name if codes are to be moved to it, which is then answered. Raises BatchNameTaken."""
    if name is UNCHANGED or name == batch.name:
        locking.lock_ids(Batch, [batch.pk])
        return None
    # Both by ID, whichever way codes are moved at the same moment: only then may the other be made, which nobody else knows yet.
    named = Batch.objects.filter(site_id=batch.site_id, name=name).values_list("pk", flat=True)
    locking.lock_ids(Batch, [batch.pk, *named])
    return content_issuing.open_batch(batch.site_id, name, actor_id)


def move(
    codes: "QuerySet[Code]", source: Batch, target: Batch, caller_key: str, actor_id: str, now: dt.datetime
) -> Span:
    """Move the locked codes of a locked batch to the other, and answer where they are. Raises ValidationError: its cap.

    One order for the codes of each action, so that a code keeps the action of its order.
    """
    count_moved(codes, source)
    move_uses(codes, source, target)
    first = target.last_serial + 1
    groups = list(
        codes.order_by().values_list("terms__action").annotate(Min("terms_id"), Count("pk")).order_by("terms__action")
    )
    for action, terms_id, count in groups:
        order = content_issuing.done_order(target, terms_id, count, caller_key, actor_id, now, moved_from=source)
        rows, params = codes.filter(terms__action=action).values("pk").query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE codes_code SET batch_id = %s, order_id = %s, serial = v.serial
                    FROM (SELECT m.id, %s + ROW_NUMBER() OVER (ORDER BY m.serial) AS serial
                          FROM codes_code m WHERE m.id IN ({rows})) AS v
                    WHERE codes_code.id = v.id""",  # noqa: S608
                [target.pk, order.pk, order.first_serial - 1, *params],
            )
    return Span(target, first, target.last_serial)


def count_moved(codes: "QuerySet[Code]", source: Batch) -> None:
    """Have each order that the codes leave count them."""
    leaving: Any = codes.filter(order=OuterRef("pk")).order_by().values("order").annotate(count=Count("pk"))
    left = orders().filter(batch=source, pk__in=codes.values("order"))
    IssueOrder.objects.filter(pk__in=left.values("pk")).update(
        moved=Coalesce(Subquery(leaving.values("count")), Value(0)) + F("moved")
    )


def move_uses(codes: "QuerySet[Code]", source: Batch, target: Batch) -> None:
    """Where a batch has a cap, its uses in force are those of its codes."""
    if source.total_cap is None and target.total_cap is None:
        return
    uses = codes.aggregate(uses=Sum("uses"))["uses"] or 0
    if target.total_cap is not None:
        if target.uses_in_force + uses > target.total_cap:
            raise ValidationError({"batch": ["The cap of that batch has no room for the uses of these codes."]})
        target.uses_in_force += uses
        target.save(update_fields=["uses_in_force"])
    if source.total_cap is not None:
        source.uses_in_force -= uses
        source.save(update_fields=["uses_in_force"])
