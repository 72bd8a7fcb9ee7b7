"""The work that advices are until they are judged: claimed under a lease with a token, done once, put back, or parked.

The database is the queue. A try is counted before the work, so that an advice that kills its worker is parked as well; one
whose worker was lost is claimed alone, so that it can park only itself.
"""

import datetime as dt
import random
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import transaction

from accounts import budgets, clock, locking, prepared, rows, turns
from codes.advice import tallies
from codes.advice.outcomes import outcome_of
from codes.models import Advice
from codes.redemption.commands import Outcome

LEASE = dt.timedelta(seconds=10)
MOST_TRIES = 8
LONGEST_PAUSE_SECONDS = 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """One advice in hand; ``token`` says whether it still is."""

    advice_id: UUID
    token: int
    tries: int


def claim(most: int) -> list[Claim]:
    """Take up to ``most`` due advices, the oldest first; none that another worker holds, and one alone whose worker was lost."""
    with turns.one_writer(), transaction.atomic(durable=True):
        now = clock.read()
        oldest = _oldest_due(now)
        if oldest is None:
            return []
        # One that was lost may be in the hands of its worker still, which is only slow: that must not keep the others waiting.
        found = (_lock_due(now, 1, leased=True) if oldest else []) or _lock_due(now, most, leased=False)
        claims = [Claim(advice_id, token + 1, tries + 1) for advice_id, token, tries in found if tries < MOST_TRIES]
        spent = [advice_id for advice_id, _, tries in found if tries >= MOST_TRIES]
        if spent:
            _park(spent, "Every try ended without an answer.", now)
        if claims:
            wanted, params = rows.one_of("advice_id", "uuid", stored([each.advice_id for each in claims]))
            rows.write(
                f"""UPDATE codes_pendingadvice SET token = token + 1, tries = tries + 1, leased = TRUE, due_at = %s
                    WHERE {wanted}""",  # noqa: S608
                [budgets.stored(now + LEASE), *params],
            )
    if spent and not claims:
        return claim(most)
    return claims


def is_due() -> bool:
    """Whether there is an advice to be judged that nobody holds."""
    return _oldest_due(clock.read()) is not None


def _oldest_due(now: dt.datetime) -> bool | None:
    """Whether the oldest due advice was lost by a worker; None if nothing is due."""
    with prepared.cursor() as cursor:
        cursor.execute(
            """SELECT p.leased FROM codes_pendingadvice p WHERE p.parked_at IS NULL AND p.due_at <= %s
               ORDER BY p.due_at LIMIT 1""",
            [budgets.stored(now)],
        )
        found = cursor.fetchone()
    return None if found is None else bool(found[0])


def _lock_due(now: dt.datetime, most: int, *, leased: bool) -> list[tuple[UUID, int, int]]:
    """(advice ID, token, tries) of due work that nobody holds, locked."""
    condition = "p.leased" if leased else "NOT p.leased"
    found = locking.select_for_update(
        f"""SELECT p.advice_id, p.token, p.tries FROM codes_pendingadvice p
            WHERE p.parked_at IS NULL AND p.due_at <= %s AND {condition}
            ORDER BY p.due_at LIMIT {most} {{lock p}}""",  # noqa: S608
        [budgets.stored(now)],
        skip_locked=True,
    )
    return [(rows.as_uuid(advice_id), token, tries) for advice_id, token, tries in found]


class Held:
    """The claims of one list as the engine's inbox: which advice each command is of, and of which site that is."""

    def __init__(self, claims: Iterable[Claim], advice_ids: dict[UUID, UUID], sites: dict[UUID, int]) -> None:
        self.tokens = {each.advice_id: each.token for each in claims}
        self.advice_ids = advice_ids
        self.sites = sites

    def hold(self, ids: Sequence[UUID]) -> Container[UUID]:
        """Lock what is still ours: a lease that ended may have given the work to another worker, who has done it by now."""
        by_advice = {self.advice_ids[each]: each for each in ids}
        ours = _lock_held({advice_id: self.tokens[advice_id] for advice_id in by_advice})
        return {by_advice[advice_id] for advice_id in ours}

    def settle(self, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
        """Write each advice's outcome, take its work away, and count. What no report can meet is left to staff."""
        judged = [(self.advice_ids[o.attempt.pk], outcome_of(o.attempt, o.refusal), o.attempt.pk) for o in outcomes]
        source, params = rows.as_table((("id", "uuid"), ("outcome", "text"), ("attempt_id", "uuid")), judged)
        rows.write(
            f"""UPDATE codes_advice SET outcome = v.outcome, decided_at = %s, attempt_id = v.attempt_id
                FROM {source} WHERE codes_advice.id = v.id""",  # noqa: S608
            [budgets.stored(now), *params],
        )
        failed = {
            advice_id: o.attempt.reason
            for o, (advice_id, outcome, _) in zip(outcomes, judged, strict=True)
            if outcome == Advice.Outcome.FAILED
        }
        for reason in sorted(set(failed.values())):
            _give_up([advice_id for advice_id, why in failed.items() if why == reason], reason, now)
        done = [advice_id for advice_id, _, _ in judged if advice_id not in failed]
        if done:
            wanted, ids = rows.one_of("advice_id", "uuid", stored(done))
            rows.write(f"DELETE FROM codes_pendingadvice WHERE {wanted}", ids)  # noqa: S608
        tallies.append(Counter((self.sites[advice_id], str(outcome)) for advice_id, outcome, _ in judged), now)


def put_back(claims: Sequence[Claim], error: str) -> None:
    """Make work that failed due again after 1 s, 2 s, 4 s … 5 min, or park it after the eighth try."""
    with turns.one_writer(), transaction.atomic(durable=True):
        now = clock.read()
        held = still_held(claims)
        if spent := [each.advice_id for each in held if each.tries >= MOST_TRIES]:
            _park(spent, error, now)
        if again := [(each.advice_id, now + pause(each.tries)) for each in held if each.tries < MOST_TRIES]:
            source, params = rows.as_table((("id", "uuid"), ("due_at", "timestamptz")), again)
            rows.write(
                f"""UPDATE codes_pendingadvice SET due_at = v.due_at, leased = FALSE, error = %s
                    FROM {source} WHERE codes_pendingadvice.advice_id = v.id""",  # noqa: S608
                [error[:200], *params],
            )


def pause(tries: int) -> dt.timedelta:
    """How long until the next try, never the same for two that failed together."""
    seconds = min(LONGEST_PAUSE_SECONDS, 2 ** (tries - 1))
    return dt.timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311


def part(claims: Sequence[Claim], error: str) -> None:
    """Have each of a list that failed as a whole worked alone, at once: one of them spoils the others."""
    with turns.one_writer(), transaction.atomic(durable=True):
        now = clock.read()
        ids = [each.advice_id for each in still_held(claims)]
        if ids:
            wanted, params = rows.one_of("advice_id", "uuid", stored(ids))
            rows.write(
                f"UPDATE codes_pendingadvice SET due_at = %s, error = %s WHERE {wanted}",  # noqa: S608
                [budgets.stored(now), error[:200], *params],
            )


def still_held(claims: Sequence[Claim]) -> list[Claim]:
    """Those whose lease has not passed to another worker, locked."""
    if not claims:
        return []
    # Nobody but who has taken over holds the lock of one of them: there is nothing to wait for.
    held = _lock_held({each.advice_id: each.token for each in claims}, skip_locked=True)
    return [each for each in claims if each.advice_id in held]


def _lock_held(tokens: dict[UUID, int], *, skip_locked: bool = False) -> set[UUID]:
    """Those of {advice ID: token} whose work still has that token, locked."""
    wanted, params = rows.one_of("p.advice_id", "uuid", stored(tokens))
    found = locking.select_for_update(
        f"""SELECT p.advice_id, p.token FROM codes_pendingadvice p WHERE {wanted} AND p.leased
            ORDER BY p.advice_id {{lock p}}""",  # noqa: S608
        params,
        skip_locked=skip_locked,
    )
    return {rows.as_uuid(advice_id) for advice_id, token in found if tokens[rows.as_uuid(advice_id)] == token}


def _park(advice_ids: Sequence[UUID], error: str, now: dt.datetime) -> None:
    """Judge that they cannot be judged."""
    _give_up(advice_ids, error, now)
    advices = Advice.objects.filter(pk__in=advice_ids)
    tallies.append(
        Counter((each, str(Advice.Outcome.FAILED)) for each in advices.values_list("site_id", flat=True)), now
    )
    advices.update(outcome=Advice.Outcome.FAILED, decided_at=now)


def _give_up(advice_ids: Sequence[UUID], error: str, now: dt.datetime) -> None:
    """Leave the work lying until staff look at it; an alarm says so."""
    wanted, params = rows.one_of("advice_id", "uuid", stored(advice_ids))
    rows.write(
        f"UPDATE codes_pendingadvice SET parked_at = %s, leased = FALSE, error = %s WHERE {wanted}",  # noqa: S608
        [budgets.stored(now), error[:200], *params],
    )
    for advice_id in advice_ids:
        log.error("advice parked", advice_id=str(advice_id), error=error)


def stored(ids: Iterable[UUID]) -> list[object]:
    """IDs as the database's own statements take them."""
    return [rows.stored(each) for each in ids]
