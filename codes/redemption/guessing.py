"""The budget of failed look-ups: who has spent theirs is refused, and every failure counts before it is answered.

Source: redemption flow, section 3 (attempt limit). In a list each failure is seen by the cases after it.
"""

import datetime as dt
from collections.abc import Sequence

from accounts import budgets
from accounts.budgets import Budget
from accounts.callers import Caller
from codes.redemption.case import Case
from codes.redemption.commands import RedeemCode

FAILURES_PER_CLAIMANT = 10
NO_FAILURE = (0, budgets.WINDOW_SECONDS)


def budgets_of(case: Case, of_caller: list[Budget] | None = None) -> list[Budget]:
    """Which budgets a failed look-up of this case counts against; ``of_caller`` are those of its caller, if known already.

    A failure counts against a claimant only if the caller may act for them, so that nobody can lock a stranger out. While the
    claimant has not been read yet, these are the budgets to read with them.
    """
    caller = case.command.caller
    if case.command.reported:
        return []  # A till guesses nothing: it is not told what became of its report.
    counted = budgets_of_caller(caller) if of_caller is None else of_caller
    if caller.client_id is not None and (case.claimant is None or caller.may_act_for(case.claimant.id)):
        return [*counted, Budget("guess claimant", f"{caller.key}|{case.claimant_id}", FAILURES_PER_CLAIMANT)]
    return counted


def budgets_of_caller(caller: Caller) -> list[Budget]:
    """Which budgets a failed look-up counts against whomever it was for: the same ones, whichever way somebody guesses."""
    counted = [Budget("guess site", str(caller.site_id), caller.guesses_in_total)]
    if caller.network:
        counted.append(Budget("guess network", f"{caller.site_id}|{caller.network}", caller.guesses_per_network))
    if caller.user_id is not None:
        return [*counted, Budget("guess login", caller.key, FAILURES_PER_CLAIMANT)]
    return [*counted, Budget("guess client", caller.key, caller.guesses_per_client)]


def seconds_until_free(command: RedeemCode) -> int:
    """0 while there is room for a failed look-up by this command; else the seconds to wait. Counts nothing."""
    return budgets.seconds_until_free(budgets_of(Case(command)))


class Guesses:
    """What is left of the budgets of a list, and what the list takes from them."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = cases
        # A long list has few callers, so theirs are made once.
        callers = {id(case.command.caller): case.command.caller for case in cases}
        self.of_callers = {each: budgets_of_caller(caller) for each, caller in callers.items()}
        self.by_case = {case.id: self.budgets_of(case) for case in cases}
        self.budgets = list({each.scope: each for counted in self.by_case.values() for each in counted}.values())
        self.taken: dict[Budget, int] = {}

    def budgets_of(self, case: Case) -> list[Budget]:
        return budgets_of(case, self.of_callers[id(case.command.caller)])

    def begin(self, standing: dict[bytes, tuple[int, int]], now: dt.datetime) -> "Guesses":
        """What was read of the budgets, and when; every case has its claimant now."""
        self.standing, self.now = standing, now
        for case in self.cases:
            claimant = case.claimant
            if case.for_browser or (claimant is not None and not case.command.caller.may_act_for(claimant.id)):
                self.by_case[case.id] = self.budgets_of(case)
        return self

    def wait_seconds(self, case: Case) -> int:
        """0 while the case's budgets have room; else the seconds until they are free again."""
        wait = 0
        for budget in self.by_case[case.id]:
            failures, seconds_left = self.standing.get(budget.scope, NO_FAILURE)
            if self.taken:
                failures += self.taken.get(budget, 0)
            if failures >= budget.limit:
                wait = max(wait, seconds_left)
        return wait

    def count(self, case: Case) -> None:
        for budget in self.by_case[case.id]:
            self.taken[budget] = self.taken.get(budget, 0) + 1

    def write(self) -> int:
        """Count what was taken, guarded. 0, or the seconds to wait where others took the last room at the same time."""
        return budgets.count_failures(self.taken, self.now)
