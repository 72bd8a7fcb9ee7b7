"""The engine: the eleven steps of a redemption, in order. Source: redemption flow, section 3.

It judges a list; one redemption is a list of one. For every command all of it happens, or none of it.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

from accounts import collecting, commits, rows, turns
from accounts.refusals import Refusal, TooManyAttempts
from codes.actions.registry import ACTIONS
from codes.redemption import facts as reading
from codes.redemption import holding, journal, reporting, rules, taking, writes
from codes.redemption.case import Case, Facts
from codes.redemption.commands import Inbox, Outcome, RedeemCode
from codes.redemption.rollback import Round, stage, until_settled
from codes.redemption.rounds import JudgeAgain, one_round
from codes.refusals import (
    ActionFailed,
    AuditWriteFailed,
    CodeFormatInvalid,
    CodeNotFound,
    ConcurrentChange,
    IdempotencyMismatch,
)
from ledger.posting import post


def redeem_codes(commands: Sequence[RedeemCode]) -> list[Outcome]:
    """Redeem each code for its claimant: for every command all of it happens, or none of it.

    The outcomes stand in the order of the commands and equal those of the same commands one by one. Refusals are outcomes;
    what is raised is an error of the database, when it is away (``accounts/outages.py``).
    """
    return until_settled(list(commands), _redeem_together, keep=True)


def redeem_code(command: RedeemCode) -> Outcome:
    """Redeem one code. Raises the Refusal, with the outcome as its ``outcome``."""
    outcome = redeem_codes([command])[0]
    if outcome.refusal is not None:
        outcome.refusal.outcome = outcome
        raise outcome.refusal
    return outcome


def redeem_reported(commands: Sequence[RedeemCode], inbox: Inbox) -> list[Outcome]:
    """Redeem what tills reported: as ``redeem_codes``, each command together with its work in ``inbox``, or not at all.

    Answers the outcomes of those whose work was still to be done. One that is not ``kept`` has changed nothing, not even an
    attempt is left, and its work is as it was.
    """
    return until_settled(list(commands), partial(_redeem_together, inbox=inbox), keep=False)


def _redeem_together(cases: list[Case], how: Round, inbox: Inbox | None = None) -> list[Outcome]:
    """One transaction for a list; ``cases`` have been received and normalized (steps 1 and 2), which needs no lock."""
    with collecting.paused() if len(cases) > 1 else nullcontext(), turns.one_writer(), one_round():
        if inbox is not None:
            held = inbox.hold([case.id for case in cases])
            cases = [case for case in cases if case.id in held]
            if not cases:
                return []
        facts = reading.lock(cases, how.locked_batches)  # Steps 3 and 7: the row locks, under which all else is judged.
        outcomes = [judge(case, facts) for case in cases]  # Steps 4 to 6 and what 8 would do: pure, nothing is written.
        outcomes = count_guesses(outcomes, facts)
        write(outcomes, facts, inbox, apart=how.apart)  # Steps 8 to 10.
        holding.end_reservations(facts.cases, facts.now)
    return outcomes  # Step 11: rolling back is the atomic block, and telling the claimant is the door's.


def judge(case: Case, facts: Facts) -> Outcome:
    """Judge one case against the facts and what the earlier cases of the list took; it takes its own share if it passes."""
    key = (case.command.caller.key, case.command.idempotency_key or "")
    if case.command.idempotency_key is not None and key in facts.earlier:
        earlier = facts.earlier[key]
        if bytes(earlier.attempt.fingerprint or b"") == case.fingerprint:
            return replace(earlier, replayed=True)
        return conclude(case, facts, IdempotencyMismatch())
    if wait := facts.guesses.wait_seconds(case):
        refusal = TooManyAttempts(retry_after_seconds=wait)
        return Outcome(journal.unsaved(case, refusal, facts.now), refusal, kept=False)
    instant = case.instant(facts.now)
    try:
        for rule in rules.ORDER_BY_DOOR[case.command.door]:
            rule(case, instant)
        action = None if case.command.reported else ACTIONS[rules.found(case).action]
        effect = action.judge(case) if action else reporting.judge(case)
        if effect.booking:
            facts.books.enter(effect.booking)
    except Refusal as refusal:
        if isinstance(refusal, CodeNotFound | CodeFormatInvalid):
            facts.guesses.count(case)
        return conclude(case, facts, refusal)
    case.effect = effect
    if action:
        action.remember(case)
    taking.take(case, facts)
    return conclude(case, facts)


def conclude(case: Case, facts: Facts, refusal: Refusal | None = None) -> Outcome:
    """The case's outcome, remembered so that a later case of the list with the same key hears it again."""
    case.refusal = refusal
    if refusal and (not case.checks or case.checks[-1]["passed"]):
        case.checks.append({"step": refusal.step, "check": refusal.reason, "passed": False, "seen": {}})
    # Nobody is shown a receipt for what was reported.
    shown = journal.show(case) if case.redeemed and not case.command.reported else None
    outcome = Outcome(journal.attempt_of(case, facts.now), refusal, shown)
    if outcome.attempt.idempotency_key is not None:
        facts.earlier[outcome.attempt.caller, outcome.attempt.idempotency_key] = outcome
    return outcome


def count_guesses(outcomes: list[Outcome], facts: Facts) -> list[Outcome]:
    """Count the failed look-ups; where a parallel burst took the last room, the refusal becomes too_many_attempts."""
    wait = facts.guesses.write()
    if not wait:
        return outcomes
    if len(outcomes) > 1:
        raise JudgeAgain
    refusal = TooManyAttempts(retry_after_seconds=wait)
    return [Outcome(journal.unsaved(facts.cases[0], refusal, facts.now), refusal, kept=False)]


def write(outcomes: list[Outcome], facts: Facts, inbox: Inbox | None, *, apart: bool) -> None:
    """Write what was judged: a fixed number of statements however long the list, most of them sent as one.

    Raises JudgeAgain if others were faster, CountsDiffer if a guard let through something else than was judged.
    """
    fresh = [outcome for outcome in outcomes if outcome.kept and not outcome.replayed]
    done = [case for case in facts.cases if case.redeemed]
    with stage(ConcurrentChange):  # 9 mark redeemed, of what was held: only then are its uses free to be taken
        holding.end_used(done, facts.now).check()
    with stage(ActionFailed, unclear=not apart), nullcontext() if apart else rows.together():
        with stage(AuditWriteFailed):  # 10 log and receipt. First of the writes, because its key decides who goes on.
            logged = journal.write(fresh)
            writes.insert_mails([case.id for case in done if case.claimant and case.claimant.email], facts.now)
        with stage(ActionFailed):  # 8 execute
            post(facts.books.entered, facts.now)
        with stage(ConcurrentChange):  # 9 mark redeemed
            used = taking.mark_used(done, facts.now)
        if inbox is not None:
            with stage(AuditWriteFailed):
                inbox.settle(fresh, facts.now)
    logged.check()
    used.check()
    with stage(ActionFailed):  # 8 execute, for actions that give something other than value
        for action, group in reading.by_action(case for case in done if not case.command.reported):
            ACTIONS[action].perform(group, facts.now)


def validate_codes(commands: Sequence[RedeemCode]) -> list[Outcome]:
    """The same judgement, taking nothing but from the guess budgets: what would become of each command alone."""
    return [until_settled([command], _judge_only, keep=False)[0] for command in commands]


def _judge_only(cases: list[Case], how: Round) -> list[Outcome]:
    # Not rolled back either, for the sake of the redemption that follows: what has come due was written on the way, as by whoever
    # locks the accounts next, and all else are locks.
    with one_round():
        facts = reading.lock(cases, how.locked_batches)
        outcomes = [judge(case, facts) for case in cases]
        if not facts.guesses.taken:
            commits.need_not_last()
        return [replace(outcome, kept=False) for outcome in count_guesses(outcomes, facts)]
