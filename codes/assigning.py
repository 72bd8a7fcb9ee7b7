"""Handing out: a claimant gets the next free code of a batch, once per claimant and key, and it is theirs from then on.

One short transaction: what there is to know, the next free code under a lock that steps over what others hold, and two writes
sent as one. Nobody waits for anybody but a twin with the same key. How far the batch has been looked through is remembered
(codes/free_codes.py), so that the last code of a batch costs what the first one did.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction

from accounts import clock, database, defects, prepared, rows
from accounts.callers import Caller
from accounts.refusals import CallerNotAllowed, ClaimantInactive, ClaimantUnknown
from codes import free_codes, handed_out
from codes.free_codes import Free, Mark
from codes.models import Assignment, Batch
from codes.redemption.rollback import busy_as_refusal
from codes.refusals import BatchNotActive, BatchNotFound, CodeBusy, IdempotencyMismatch, NoCodeLeft

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class AssignCode:
    """Hand the next free code of the batch to this claimant. Without a key a claimant gets one code of the batch, ever."""

    caller: Caller
    batch_id: int
    claimant_id: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known before any lock: the batch and its mark, the claimant, and what was handed out before."""

    now: dt.datetime
    batch_id: int | None
    batch_state: str
    mark: Mark
    user_id: int | None
    user_is_active: bool
    earlier_id: int | None  # Of this batch, claimant and key.
    key_used_for: tuple[int, int] | None  # Batch and claimant for which this caller used the key.
    sold: bool  # The batch is an article's, whose codes are made for those who ordered it.


class Overtaken(Exception):
    """Somebody else was faster: a twin with the same key, or whoever changed the code; nothing was written."""


def assign(command: AssignCode) -> tuple[Assignment, bool]:
    """The assignment, with what is told of its code and claimant loaded, and whether it is a replay of an earlier answer.

    Raises BatchNotFound, BatchNotActive, ClaimantUnknown, ClaimantInactive, CallerNotAllowed, IdempotencyMismatch (the key was
    used for another claimant or batch), NoCodeLeft, and CodeBusy if the last free codes are held by others just now. Nothing
    has changed then.
    """
    for _ in range(ROUNDS):
        try:
            assignment_id, replayed = hand_out(command)
        except Overtaken:
            continue  # The winner has committed, and is read like any earlier answer.
        return handed_out.read(assignment_id), replayed
    raise CodeBusy(retry_after_seconds=1)


def hand_out(command: AssignCode) -> tuple[int, bool]:
    """One try. The mark moves on afterwards, in a transaction of its own, whatever became of this one."""
    search = None
    try:
        with busy_as_refusal(), transaction.atomic(durable=True):
            seen = look(command)
            earlier = judge(command, seen)
            if earlier is not None:
                return earlier, True
            assert seen.batch_id is not None
            search = free_codes.Search(seen.batch_id, seen.mark, seen.now)
            assignment_id = write(command, seen, search.take())
    except (NoCodeLeft, CodeBusy):
        if search is not None:
            free_codes.remember(search)
        raise
    free_codes.remember(search)
    return assignment_id, False


# One statement on both databases; the key is compared with NULL, and so with nothing, where none was given.
LOOK = """
    SELECT {now}, b.id, b.state, m.serial, m.from_start, m.empty_until, u.id, u.is_active, e.id, k.batch_id, k.claimant_id,
           b.last_serial, (SELECT MIN(o.first_serial) FROM codes_issueorder o
                           WHERE o.batch_id = b.id AND o.state IN ('queued', 'running', 'cancelling')),
           EXISTS (SELECT 1 FROM codes_article a WHERE a.batch_id = b.id)
    FROM (SELECT 1) one
    LEFT JOIN codes_batch b ON b.id = %s AND b.site_id = %s
    LEFT JOIN codes_assignmentmark m ON m.batch_id = b.id
    LEFT JOIN accounts_user u ON u.site_id = %s AND u.claimant_id = %s
    LEFT JOIN codes_assignment e ON e.batch_id = b.id AND e.claimant_id = u.id AND e.idempotency_key = %s
    LEFT JOIN codes_assignment k ON k.caller = %s AND k.idempotency_key = %s AND k.idempotency_key <> ''
"""


def look(command: AssignCode) -> Seen:
    """What is known, in one statement (SQLite: one more for the clock)."""
    caller, key = command.caller, command.idempotency_key
    if command.batch_id >= 2**63:
        raise BatchNotFound
    with prepared.cursor() as cursor:
        cursor.execute(
            LOOK.format(now="clock_timestamp()" if database.is_postgresql() else "NULL"),
            [command.batch_id, caller.site_id, caller.site_id, command.claimant_id, key or "", caller.key, key or ""],
        )
        (
            now,
            batch_id,
            state,
            serial,
            from_start,
            empty_until,
            user_id,
            active,
            earlier,
            batch,
            claimant,
            last,
            ahead,
            sold,
        ) = cursor.fetchone()
    if isinstance(empty_until, str):
        empty_until = dt.datetime.fromisoformat(empty_until)
    if empty_until is not None and empty_until.tzinfo is None:
        empty_until = empty_until.replace(tzinfo=dt.UTC)
    # What an order has made and not finished is nobody's yet, and the mark must not step over it.
    end = min(last or 0, (ahead or (last or 0) + 1) - 1)
    return Seen(
        now=clock.read(now),
        batch_id=batch_id,
        batch_state=state or "",
        mark=Mark(serial or 1, bool(from_start), empty_until, end, is_stored=serial is not None),
        user_id=user_id,
        user_is_active=bool(active),
        earlier_id=earlier,
        key_used_for=None if batch is None else (batch, claimant),
        sold=bool(sold),
    )


def judge(command: AssignCode, seen: Seen) -> int | None:
    """The earlier assignment that is the answer again, or None if there is to be a new one. Raises the refusals of ``assign``."""
    if seen.batch_id is None:
        raise BatchNotFound
    if seen.user_id is None:
        raise ClaimantUnknown
    if not command.caller.may_act_for(seen.user_id):
        raise CallerNotAllowed
    if not seen.user_is_active:
        raise ClaimantInactive
    if seen.key_used_for not in (None, (seen.batch_id, seen.user_id)):
        raise IdempotencyMismatch
    if seen.earlier_id is not None:
        return seen.earlier_id  # Whatever has become of the batch since: it is theirs.
    if seen.batch_state != Batch.State.ACTIVE:
        raise BatchNotActive
    if seen.sold:
        raise NoCodeLeft  # Whoever ordered an article's vouchers has bought every one of its codes.
    return None


COLUMNS = (
    *(("site_id", "bigint"), ("batch_id", "bigint"), ("code_id", "bigint"), ("claimant_id", "bigint")),
    *(("idempotency_key", "text"), ("caller", "text"), ("actor_id", "text"), ("assigned_at", "timestamptz")),
)
GUARD = " AND owner_id IS NULL AND redemptions = 0 AND state = 'active'"


def write(command: AssignCode, seen: Seen, code: Free) -> int:
    """The code is the claimant's, and that is written down; both or nothing. Raises Overtaken."""
    caller = command.caller
    row = (
        *(caller.site_id, seen.batch_id, code.id, seen.user_id),
        *(command.idempotency_key or "", caller.key, caller.actor_id, seen.now),
    )
    guard = "" if defects.switched_on("guard") else GUARD
    with rows.together():
        taken = rows.write(
            f"UPDATE codes_code SET owner_id = %s WHERE id = %s AND batch_id = %s{guard}",  # noqa: S608
            [seen.user_id, code.id, seen.batch_id],
        )
        # Not DO NOTHING on one of the keys: whichever of them a twin has taken, it was faster.
        written = rows.add("codes_assignment", COLUMNS, [row], "ON CONFLICT DO NOTHING", tell="id")
    if taken.count != 1 or len(written.told) != 1:
        raise Overtaken
    assignment_id: int = written.told[0]
    return assignment_id
