"""What is always true of advices, their work and their judgements. Source: redemption advice, section 6; I18 and I20.

What an advice must be to rows of other tables' sites is in ``belonging``.
"""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from accounts.invariants import Invariant, Violation
from codes.advice.draining import attempt_id_of
from codes.advice.outcomes import BY_REFUSAL
from codes.models import Advice, Attempt


def reasons() -> str:
    """As SQL: the reason of attempt ``a`` is one of those that the outcome of advice ``n`` follows from."""
    by_outcome: dict[str, list[str]] = {}
    for refusal, outcome in BY_REFUSAL.items():
        by_outcome.setdefault(str(outcome), []).append(f"'{refusal.reason}'")
    return " OR ".join(f"(n.outcome = '{each}' AND a.reason IN ({', '.join(of)}))" for each, of in by_outcome.items())


def find_attempts_of_no_round() -> Iterator[Violation]:
    """Attempts that came in by advice, but are the judgement of none; those of earlier rounds changed nothing.

    Looked at here, for the database cannot derive an ID; there are as few as advices that staff had judged again.
    """
    rounds = {
        attempt_id_of(advice_id, number): number < last
        for advice_id, last in Advice.objects.filter(rounds__gt=0).values_list("pk", "rounds").iterator()
        for number in range(last + 1)
    }
    firsts = Advice.objects.filter(pk=OuterRef("pk"), rounds=0)
    for attempt_id, outcome in (
        Attempt.objects.filter(~Exists(firsts), door="advice").values_list("pk", "outcome").iterator()
    ):
        if attempt_id not in rounds or (rounds[attempt_id] and outcome == Attempt.Outcome.REDEEMED):
            yield {"attempt": attempt_id, "outcome": outcome}


def find_attempts_of_other_rounds() -> Iterator[Violation]:
    judged = Advice.objects.filter(rounds__gt=0, attempt__isnull=False).values_list("pk", "rounds", "attempt_id")
    for advice_id, rounds, attempt_id in judged.iterator():
        if attempt_id != attempt_id_of(advice_id, rounds):
            yield {"id": advice_id, "rounds": rounds, "attempt": attempt_id}


INVARIANTS = (
    Invariant(
        "I18",
        "an advice is to be judged, or it was judged, or it was given up: its work is there, gone, or parked",
        """SELECT n.id, n.outcome, p.advice_id AS work, p.parked_at
           FROM codes_advice n LEFT JOIN codes_pendingadvice p ON p.advice_id = n.id
           WHERE (n.outcome = '' AND (p.advice_id IS NULL OR p.parked_at IS NOT NULL))
              OR (n.outcome = 'failed' AND p.advice_id IS NOT NULL AND p.parked_at IS NULL)
              OR (n.outcome NOT IN ('', 'failed') AND p.advice_id IS NOT NULL)""",
    ),
    Invariant(
        "I18",
        "work in hand was counted as a try and has a token, no work is tried more than eight times, and none is parked in hand",
        """SELECT advice_id, token, tries, leased, parked_at FROM codes_pendingadvice
           WHERE tries > 8 OR (leased AND (tries < 1 OR token < 1 OR parked_at IS NOT NULL))""",
    ),
    Invariant(
        "I18",
        "an advice has an attempt if and only if it was judged, made at that moment and through its door, as of when it happened",
        """SELECT n.id, n.outcome, n.attempt_id, a.door, a.decided_at
           FROM codes_advice n LEFT JOIN codes_attempt a ON a.id = n.attempt_id
           WHERE (n.outcome = '' AND n.attempt_id IS NOT NULL)
              OR (n.outcome NOT IN ('', 'failed') AND n.attempt_id IS NULL)
              OR (n.attempt_id IS NOT NULL AND (a.door = 'advice' AND a.decided_at = n.decided_at
                  AND a.happened_at = COALESCE(n.happened_at, n.received_at)) IS NOT TRUE)""",
    ),
    Invariant(
        "I18",
        "an advice counts as a use if and only if its attempt redeemed, and else has the outcome of that attempt's reason",
        f"""SELECT n.id, n.outcome, a.outcome AS of_attempt, a.reason
            FROM codes_advice n JOIN codes_attempt a ON a.id = n.attempt_id
            WHERE (n.outcome IN ('redeemed', 'recorded')) <> (a.outcome = 'redeemed')
               OR (n.outcome NOT IN ('redeemed', 'recorded', 'failed') AND NOT ({reasons()}))""",  # noqa: S608
    ),
    Invariant(
        "I18",
        "an advice's first attempt has its ID",
        "SELECT id, attempt_id FROM codes_advice WHERE rounds = 0 AND attempt_id <> id",
    ),
    Invariant(
        "I18",
        "an advice that was judged again has the attempt of its last round",
        find=find_attempts_of_other_rounds,
    ),
    Invariant(
        "I18",
        "an attempt by advice is one round of one advice, and only the last round may have redeemed",
        find=find_attempts_of_no_round,
    ),
    Invariant(
        "I18",
        "an advice is invalid for what could not be read of it, or for a date ahead of its receipt",
        """SELECT id, outcome, problem, happened_at, received_at FROM codes_advice
           WHERE (outcome IN ('invalid_text', 'invalid_offset') AND problem <> outcome)
              OR (outcome = 'invalid_date' AND problem <> 'invalid_date' AND (happened_at > received_at) IS NOT TRUE)
              OR (problem <> '' AND outcome NOT IN ('', 'failed', problem)
                  AND NOT (problem = 'invalid_offset' AND outcome = 'invalid_date'))""",
    ),
    # Those of days gone by are deleted, and what was judged again was told of each time.
    Invariant(
        "I20",
        "no more advices are told of than were judged, in all and with each outcome that is final",
        """SELECT t.site_id, t.outcome, t.told, COALESCE(n.judged, 0) AS judged
           FROM (SELECT site_id, outcome, SUM(count) AS told FROM codes_advicetally
                 WHERE outcome NOT IN ('failed', 'unknown_text') GROUP BY site_id, outcome
                 UNION ALL SELECT site_id, '', SUM(count) FROM codes_advicetally GROUP BY site_id) t
           LEFT JOIN (SELECT site_id, outcome, COUNT(*) AS judged FROM codes_advice
                      WHERE outcome NOT IN ('', 'failed', 'unknown_text') GROUP BY site_id, outcome
                      UNION ALL SELECT site_id, '', SUM(rounds + CASE outcome WHEN '' THEN 0 ELSE 1 END) FROM codes_advice
                      GROUP BY site_id) n
             ON n.site_id = t.site_id AND n.outcome = t.outcome
           WHERE t.told > COALESCE(n.judged, 0)""",
    ),
)
