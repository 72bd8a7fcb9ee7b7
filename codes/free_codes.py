"""Finding the next free code of a batch by its serial: which codes are free, and how far the batch was looked through.

No index tells free codes from others: one on what a redemption changes would make every redemption dearer. The codes are read in
the order of the unique index (batch, serial), from a mark below which nothing was free when it was last looked. What becomes free
below it later (an owner taken off, a code switched on again) is found when the end is reached: then all codes are looked through
once more, at most once in EMPTY_FOR.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass

from django.db import transaction

from accounts import locking, prepared, rows
from codes.models import AssignmentMark
from codes.models.terms import UNLIMITED_USES
from codes.refusals import CodeBusy, NoCodeLeft

SPAN = 5_000  # Codes that one statement reads at most.
MOST_SPANS = 20  # That one request looks through: whoever asks again goes on from there.
STRIDE = 64  # The mark moves on when it lies so far behind.
FARTHEST_BEHIND = (
    1_000  # One code that somebody holds for long must not have all others read what was handed out since.
)
EMPTY_FOR = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where to begin. ``end`` is the last serial that may be known; of an order that is under way none is."""

    serial: int
    from_start: bool
    empty_until: dt.datetime | None
    end: int
    is_stored: bool


@dataclass(frozen=True, slots=True)
class Free:
    """A free code, locked."""

    id: int
    serial: int


# A code of no limit is a shared text: bound to one claimant it would be lost for all others. A code that is valid later is free.
FREE = """
    SELECT a.id, a.serial FROM codes_code a
    WHERE a.batch_id = %s AND a.serial >= %s AND a.serial < %s
      AND a.owner_id IS NULL AND a.redemptions = 0 AND a.state = 'active' AND a.max_uses <> {unlimited}
      AND a.value_expired_at IS NULL AND (a.valid_until IS NULL OR a.valid_until > %s)
      AND (SELECT o.state FROM codes_issueorder o WHERE o.id = a.order_id) = 'done'
      AND (a.held = 0 OR NOT EXISTS (SELECT 1 FROM codes_hold h
                                     WHERE h.code_id = a.id AND h.ended_as = '' AND h.expires_at > %s))
    ORDER BY a.batch_id, a.serial LIMIT 1
"""
FIRST_FREE = FREE.format(unlimited=UNLIMITED_USES)
TAKE_FREE = f"{FIRST_FREE} {{lock a}}"


class Search:
    """One request's way through a batch: from the mark to the end, and then, if it may, from the first code on."""

    def __init__(self, batch_id: int, mark: Mark, now: dt.datetime) -> None:
        self.batch_id, self.now, self.began = batch_id, now, mark
        self.place, self.from_start, self.empty_until = mark.serial, mark.from_start, mark.empty_until
        self.held: int | None = None  # The first free code that was stepped over.
        self.found: Free | None = None

    def take(self) -> Free:
        """The next free code that nobody holds, locked. Raises NoCodeLeft; CodeBusy if others hold the last ones."""
        for _ in range(MOST_SPANS):
            if self.place > self.began.end:
                if self.is_over():
                    break
                self.place, self.from_start, self.empty_until, self.held = 1, True, None, None
            else:
                stop = min(self.place + SPAN, self.began.end + 1)
                taken = locking.select_for_update(TAKE_FREE, self.params(self.place, stop), skip_locked=True)
                if taken:
                    self.found = Free(*taken[0])
                    return self.found
                self.held = self.held or self.first_free(self.place, stop)
                self.place = stop
        else:
            raise CodeBusy(retry_after_seconds=1)  # There is more to look through: the next request goes on.
        if self.held is not None:
            raise CodeBusy(retry_after_seconds=1)
        raise NoCodeLeft

    def is_over(self) -> bool:
        """Whether it is no use to look from the first code on: it was done just now, or not long ago."""
        if self.from_start and self.empty_until is None:
            if self.held is None:
                self.empty_until = self.now + EMPTY_FOR
            return True
        return self.empty_until is not None and self.empty_until > self.now

    def first_free(self, first: int, stop: int) -> int | None:
        """The serial of the first free code, held by somebody or not."""
        with prepared.cursor() as cursor:
            cursor.execute(FIRST_FREE, self.params(first, stop))
            found = cursor.fetchone()
        return found[1] if found else None

    def params(self, first: int, stop: int) -> list[object]:
        now = rows.stored(self.now)
        return [self.batch_id, first, stop, now, now]

    def next_mark(self) -> Mark | None:
        """Where the next request is to begin; None: where this one did."""
        found, began = self.found, self.began
        if found is None:
            # Not beyond what somebody holds and may let go; a look that had to step over it is not the last one.
            serial = max(min(self.held or self.place, self.place), self.place - FARTHEST_BEHIND)
            mark = dataclasses.replace(
                began, serial=serial, from_start=self.from_start and self.held is None, empty_until=self.empty_until
            )
            return None if mark == began else mark
        if not self.from_start and found.serial - began.serial < STRIDE:
            return None
        # Others may have taken codes before this one, and not kept them.
        first = self.held or self.first_free(self.place, found.serial + 1) or found.serial + 1
        serial = max(first, found.serial - FARTHEST_BEHIND)
        return dataclasses.replace(began, serial=serial, from_start=False, empty_until=None)


def remember(search: Search) -> None:
    """Move the batch's mark on, where that is worth a statement; never wait for another who does the same."""
    began, mark = search.began, search.next_mark()
    if mark is None:
        return
    if not began.is_stored:
        AssignmentMark.objects.bulk_create([AssignmentMark(batch_id=search.batch_id)], ignore_conflicts=True)
    with transaction.atomic(durable=True):
        locked = locking.lock_rows(AssignmentMark.objects.filter(pk=search.batch_id), skip_locked=True)
        # Where another has moved it meanwhile, theirs is as good as ours.
        if locked and (locked[0].serial, locked[0].from_start) == (began.serial, began.from_start):
            AssignmentMark.objects.filter(pk=search.batch_id).update(
                serial=mark.serial, from_start=mark.from_start, empty_until=mark.empty_until
            )
