"""Counting uses: first on the facts, so that the next case of a list sees them, then guarded on the rows (step 9)."""

import datetime as dt
from collections.abc import Sequence

from accounts import defects
from codes.redemption import statements
from codes.redemption.case import Case, Facts, Redemption
from codes.redemption.rollback import CountsDiffer
from codes.redemption.rules import found


def take(case: Case, facts: Facts) -> None:
    """Count the case's use on the code, its batch and its claimant."""
    code, claimant = found(case), case.claimant
    facts.redeemed += 1
    case.receipt_number = -facts.redeemed
    code.uses += 1
    code.redemptions += 1
    if code.uses >= code.max_uses:
        code.state = "used_up"
    case.use_number, case.uses_left = code.redemptions, code.max_uses - code.uses
    code.last_redemption = Redemption(case.receipt_number, claimant.id if claimant else None, case.command.caller.key)
    if code.batch:
        code.batch.uses += 1
    if claimant:
        case.uses.in_force += 1
        case.uses.ever += 1
        case.uses.receipt_number = case.receipt_number
        case.claimant_use_number = case.uses.ever
        if code.batch:
            code.batch.last_by_claimant[claimant.id] = facts.now


def mark_used(cases: Sequence[Case], now: dt.datetime) -> None:
    """Write the counts, guarded. Raises CountsDiffer if the guards let through another number of rows than was judged."""
    if not cases:
        return
    uses: dict[int, tuple[int, str]] = {}
    capped: dict[int, int] = {}
    for case in cases:
        code = found(case)
        uses[code.id] = (uses.get(code.id, (0, ""))[0] + 1, case.command.caller.actor_id)
        if code.batch_cap is not None:
            capped[code.batch_id] = capped.get(code.batch_id, 0) + 1
    counted = statements.use_codes(uses, now)
    batches_counted = sum(statements.use_batch(batch_id, count) for batch_id, count in sorted(capped.items()))
    if (counted, batches_counted) != (len(uses), len(capped)) and not defects.switched_on("guard"):
        raise CountsDiffer
