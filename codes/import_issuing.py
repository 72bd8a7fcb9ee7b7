"""Making the codes of a confirmed import: its good rows become codes, set by set inside the database, and are gone then.

A row whose code the site has got by another way since the check is left out and counted; it never fails the job.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from accounts import clock, locking
from codes import jobs, keys, lookup
from codes.import_checking import KNOWN
from codes.models import Batch, CodeImport, ImportRow, IssueOrder

State = IssueOrder.State
CHUNK = 5_000
TRIES = 5
NOTHING_LEFT = "The site had every code of the file by then."

Activate = Callable[[IssueOrder, dt.datetime], None]

LAST_LINE = """SELECT MAX(line) FROM (
                   SELECT line FROM codes_importrow WHERE source_id = %s AND line > %s AND problem = ''
                   ORDER BY line LIMIT %s) next_rows"""
GOOD = "source_id = %s AND line > %s AND line <= %s AND problem = ''"
LEAVE_OUT = f"""UPDATE codes_importrow AS r
                SET problem = %s, "column" = 'code', digest = NULL, lookup_odd = NULL, lookup_even = NULL, sealed = NULL,
                    key_version = NULL
                WHERE {GOOD} AND (
                    EXISTS (SELECT 1 FROM codes_code c
                            WHERE c.site_id = %s AND c.lookup_odd IS NOT NULL AND c.lookup_odd = r.lookup_odd)
                    OR EXISTS (SELECT 1 FROM codes_code c
                               WHERE c.site_id = %s AND c.lookup_even IS NOT NULL AND c.lookup_even = r.lookup_even))
                RETURNING value, uses"""  # noqa: S608
MAKE = """INSERT INTO codes_code
              (site_id, batch_id, order_id, terms_id, serial, lookup_odd, lookup_even, sealed, key_version, state,
               max_uses, uses, redemptions, valid_from, valid_until, owner_id, last_actor_id)
          SELECT o.site_id, o.batch_id, o.id, COALESCE(own.terms_id, o.terms_id),
                 o.first_serial + o.issued - 1 + ROW_NUMBER() OVER (ORDER BY r.line),
                 r.lookup_odd, r.lookup_even, r.sealed, r.key_version, 'active',
                 COALESCE(r.uses, t.uses), 0, 0, COALESCE(r.valid_from, t.valid_from),
                 COALESCE(r.valid_until, t.valid_until), r.owner_id, ''
          FROM codes_importrow r
          JOIN codes_issueorder o ON o.source_id = r.source_id
          JOIN codes_terms t ON t.id = o.terms_id
          LEFT JOIN codes_importterms own ON own.source_id = r.source_id AND own.value = r.value
          WHERE r.source_id = %s AND r.line > %s AND r.line <= %s AND r.problem = ''"""
REMOVE = f"DELETE FROM codes_importrow WHERE {GOOD}"  # noqa: S608


def step(claimed: IssueOrder, activate: Activate) -> IssueOrder:
    """Make codes of the next rows, or activate the order when none is left; one transaction."""
    for tries_left in reversed(range(TRIES)):
        try:
            return take_chunk(claimed, activate)
        except IntegrityError:
            # Between our look and our writing somebody else committed one of these codes: now it can be seen.
            if not tries_left:
                raise
    raise AssertionError


def take_chunk(claimed: IssueOrder, activate: Activate) -> IssueOrder:
    with transaction.atomic(durable=True):
        order = jobs.lock(claimed, "terms__asset")
        # One object for both: activating books what the source is worth by then.
        source = order.source = locking.lock_ids(CodeImport, [order.source_id])[order.source_id]
        now = clock.read()
        wanted = order.wanted
        take(order, source)
        jobs.renew(order, now)
        if not order.wanted:
            order.wanted = wanted
            end_without_codes(order, now)
        elif order.issued == order.wanted:
            activate(order, now)
        order.save()
        source.save(update_fields=["good", "known", "worth", "taken"])
    return order


def take(order: IssueOrder, source: CodeImport) -> None:
    """Turn the next good rows into codes; ``order`` and ``source`` are locked, and saved by the caller."""
    last = ask(LAST_LINE, [source.pk, source.taken, CHUNK])[0][0]
    if last is None:
        return
    span = [source.pk, source.taken, last]
    renew_keys(source, last)
    left_out = ask(LEAVE_OUT, [KNOWN, *span, source.site_id, source.site_id])
    terms = order.terms
    source.good -= len(left_out)
    source.known += len(left_out)
    source.worth -= sum((value or terms.value) * (uses or terms.uses) for value, uses in left_out)
    order.wanted -= len(left_out)
    with connection.cursor() as cursor:
        cursor.execute(MAKE, span)
        order.issued += cursor.rowcount
        cursor.execute(REMOVE, span)
    source.taken = last


def ask(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def renew_keys(source: CodeImport, last: int) -> None:
    """Seal and digest anew what was checked under other key versions than those that live now."""
    odd, even = keys.lookup_columns(source.site_id, "")
    stale = (
        ~Q(key_version=keys.newest()) | Q(lookup_odd__isnull=odd is not None) | Q(lookup_even__isnull=even is not None)
    )
    good = ImportRow.objects.filter(source=source, line__gt=source.taken, line__lte=last, problem="")
    found = list(good.filter(stale))
    for row in found:
        assert row.key_version, "A good row is sealed."
        text = keys.unseal(source.site_id, row.key_version, row.sealed or b"")
        row.lookup_odd, row.lookup_even = keys.lookup_columns(source.site_id, lookup.canonical(text))
        row.key_version, row.sealed = keys.seal(source.site_id, text)
    ImportRow.objects.bulk_update(found, ["lookup_odd", "lookup_even", "key_version", "sealed"], batch_size=500)


def end_without_codes(order: IssueOrder, now: dt.datetime) -> None:
    """Not one row was left: there is nothing to activate, and a batch that was made for them was made in vain."""
    jobs.finish(order, now, State.CANCELLED)
    order.error = NOTHING_LEFT
    Batch.objects.filter(pk=order.batch_id, state=Batch.State.ISSUING).update(state=Batch.State.CANCELLED)


def give_up(order: IssueOrder, now: dt.datetime) -> None:
    """The order was cancelled and its codes are gone: so go the rows that had not become codes yet, by their own job."""
    CodeImport.objects.filter(order=order).update(state=CodeImport.State.CANCELLING, due_at=now, lease_until=None)
