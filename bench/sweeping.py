"""Inside the platform: sweeping, re-sealing and editing fresh codes in a table of a given size, each beside a plain UPDATE.

The table is filled by SQL with codes that are in nobody's way: without value, without an end, under the newest key already.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from bench import limits
from bench.stocking import SITE, new_batch
from codes import editing, expiring, issuing, resealing
from codes.foreseeing import NewEdit
from codes.models import Batch, Code, IssueOrder, Resealing

NEXT_KEY = 2
FILLER = "filler"


def fill(rows: int) -> None:
    """A batch of ``rows`` codes that nothing here is due to."""
    order = issue(FILLER, 1, asset_code="", value=0, action="fulfilment", parameters={"item": "Filler"})
    execute("SET session_replication_role = replica")
    execute(
        """INSERT INTO codes_code (site_id, batch_id, order_id, terms_id, serial, lookup_odd, lookup_even, sealed, key_version,
                                   state, max_uses, uses, redemptions, last_actor_id)
           SELECT c.site_id, c.batch_id, c.order_id, c.terms_id, n, NULL, decode(md5('filler ' || n), 'hex'), c.sealed, %s,
                  'active', 1, 0, 0, ''
           FROM codes_code c CROSS JOIN generate_series(2, %s) n WHERE c.order_id = %s""",
        NEXT_KEY,
        rows,
        order.pk,
    )
    execute("SET session_replication_role = origin")
    IssueOrder.objects.filter(pk=order.pk).update(wanted=rows, issued=rows)
    Batch.objects.filter(pk=order.batch_id).update(last_serial=rows)
    execute("VACUUM ANALYZE codes_code")


def sweep(count: int) -> dict[str, float]:
    """Codes a second: the sweep, and an UPDATE that marks as many and books nothing."""
    floor = due(count)
    plain = timed(count, lambda: execute("UPDATE codes_code SET value_expired_at = now() WHERE id = ANY(%s)", floor))
    execute("UPDATE codes_code SET value_expired_at = NULL WHERE id = ANY(%s)", floor)
    assert expiring.sweep_expired() == count  # What the floor marked is booked, like everything that has expired.
    due(count)
    return {"ours": timed(count, expiring.sweep_expired), "floor": plain}


def due(count: int) -> list[int]:
    """So many fresh codes that have just expired; their IDs."""
    order = issue("due", count)
    Code.objects.filter(order=order).update(valid_until="2020-01-01T00:00:00Z")
    return ids_of(order)


def reseal(count: int) -> dict[str, float]:
    """Codes a second: sealed anew under the next key, and an UPDATE that writes these columns as they are."""
    ids = ids_of(issue("reseal", count))
    with next_key():
        Resealing.objects.update_or_create(
            subject="code", defaults={"version": NEXT_KEY, "position": str(ids[0] - 1), "passes": 2, "passed_at": None}
        )
        ours = timed(count, resealing.reseal)
    columns = ("lookup_odd", "lookup_even", "sealed", "key_version")
    assigned = ", ".join(f"{name} = {name}" for name in columns)
    return {
        "ours": ours,
        "floor": timed(count, lambda: execute(f"UPDATE codes_code SET {assigned} WHERE id = ANY(%s)", ids)),
    }


def edit(count: int) -> dict[str, float]:
    """Codes a second: an edit that gives each code one use more, and an UPDATE that counts it up and books nothing."""
    floor = ids_of(issue("edit floor", count))
    plain = timed(
        count, lambda: execute("UPDATE codes_code SET max_uses = max_uses + 0, state = state WHERE id = ANY(%s)", floor)
    )
    batch = issue("edit", count).batch
    new = NewEdit(kind="uses", max_uses=2, reason="bench")
    ordered, _ = editing.order_edit(batch, new, caller_key=SITE, actor_id=SITE)
    return {"ours": timed(count, lambda: editing.work_edit(ordered.pk).touched), "floor": plain}


@contextmanager
def next_key() -> Iterator[None]:
    """A second key is live, as while keys are changed."""
    before = settings.CODE_KEYS
    settings.CODE_KEYS = {**before, NEXT_KEY: hashlib.sha256(b"bench").digest()}
    try:
        yield
    finally:
        settings.CODE_KEYS = before


def issue(name: str, count: int, **terms: Any) -> IssueOrder:
    """Fresh codes in a batch of their own."""
    order, _ = issuing.order_batch(new_batch(f"{name} {Batch.objects.count()}", count, **terms))
    order = issuing.work_order(order.pk)
    assert order.state == IssueOrder.State.DONE
    return order


def ids_of(order: IssueOrder) -> list[int]:
    return list(Code.objects.filter(order=order).order_by("id").values_list("id", flat=True))


def timed(count: int, deed: Callable[[], int]) -> float:
    """Codes a second; the deed answers how many it did, which must be all."""
    started = time.perf_counter()
    done = deed()
    spent = time.perf_counter() - started
    assert done == count, f"{done} of {count}"
    return count / spent


def execute(sql: str, *params: Any) -> int:
    with limits.lifted() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount
