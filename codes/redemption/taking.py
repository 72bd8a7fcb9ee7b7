"""Counting uses: first on the facts, so that the next case of a list sees them, then guarded on the rows (step 9)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from accounts import defects
from accounts.rows import Touched
from codes import uses
from codes.redemption import holding, writes
from codes.redemption.case import Case, Facts, Redemption
from codes.redemption.rounds import CountsDiffer
from codes.redemption.rules import found


def take(case: Case, facts: Facts) -> None:
    """Count the case's use on the code, its batch and its claimant."""
    code, claimant = found(case), case.claimant
    holding.take(case)
    facts.redeemed += 1
    case.receipt_number = -facts.redeemed
    code.uses += 1
    code.redemptions += 1
    if code.uses >= code.max_uses:
        code.state = "used_up"
    case.use_number = code.redemptions
    case.uses_left = uses.left(code.max_uses, code.uses)
    code.last_redemption = Redemption(case.receipt_number, claimant.id if claimant else None, case.command.caller.key)
    if code.batch:
        code.batch.uses += 1
    if case.browser_id is not None:
        code.browsers[case.browser_id] = case.receipt_number
    if claimant:
        case.uses.in_force += 1
        case.uses.ever += 1
        case.uses.receipt_number = case.receipt_number
        case.claimant_use_number = case.uses.ever
        if code.batch:
            code.batch.last_by_claimant[claimant.id] = facts.now


@dataclass(frozen=True, slots=True)
class Used:
    """What ``mark_used`` wrote, to be checked once it has been sent: (rows to touch, what was touched)."""

    writes: list[tuple[int, Touched]]

    def check(self) -> None:
        """Raise CountsDiffer if the guards let through another number of rows than was judged."""
        if any(wanted != touched.count for wanted, touched in self.writes) and not defects.switched_on("guard"):
            raise CountsDiffer


def mark_used(cases: Sequence[Case], now: dt.datetime) -> Used:
    """Write the counts, guarded."""
    if not cases:
        return Used([])
    taken_by_code: dict[int, writes.Uses] = {}
    capped: dict[int, int] = {}
    for case in cases:
        code, instant = found(case), case.instant(now)
        taken = taken_by_code.setdefault(code.id, writes.Uses(0, "", instant))
        taken.count, taken.actor_id = taken.count + 1, case.command.caller.actor_id
        taken.latest = max(taken.latest, instant)
        if code.batch_cap is not None:
            capped[code.batch_id] = capped.get(code.batch_id, 0) + 1
    batches = [(1, writes.use_batch(batch_id, count)) for batch_id, count in sorted(capped.items())]
    return Used([(len(taken_by_code), writes.use_codes(taken_by_code)), *batches])
