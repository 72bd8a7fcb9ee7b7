"""``python -m bench.inside``: does deeds inside the platform, one for each line of JSON it reads, and answers each with a line.

It lives as long as its ground, because starting Django takes longer than most of what is measured.
"""

import json
import os
import sys
import traceback
from typing import Any

import django
from django.core.management import call_command
from django.db import connections


def main() -> None:
    # Log lines are written to standard output: they go to the log, and the answers keep the pipe for themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    django.setup()
    from bench import (
        access,
        advice_floor,
        advising,
        counting,
        crowded,
        finding,
        floor_function,
        handing_out,
        household,
        importing,
        redeeming,
        stocking,
        sweeping,
    )

    deeds = {
        "migrate": lambda: call_command("migrate", verbosity=0),
        "prepare": stocking.prepare,
        "disconnect": connections.close_all,
        "issue": stocking.issue,
        "issue_timed": stocking.issue_timed,
        "issue_hot": stocking.issue_hot,
        "lay_floor": floor_function.lay,
        "redeem": redeeming.redeem,
        "prepare_till": advising.prepare_till,
        "pend": advising.pend,
        "drain_all": advising.drain_all,
        "lay_advice_floor": advice_floor.lay,
        "count_redeemed": advising.count_redeemed,
        "count_pending": advising.count_pending,
        "rate_of_last": advising.rate_of_last,
        "time_claims": advising.time_claims,
        "memory": advising.memory_mb,
        "hand_out": handing_out.hand_out,
        "prepare_households": household.prepare_households,
        "redeem_households": household.redeem_households,
        "import": importing.measure,
        "count": counting.find_violations,
        "fill": sweeping.fill,
        "sweep": sweeping.sweep,
        "reseal": sweeping.reseal,
        "edit": sweeping.edit,
        "crowd": crowded.crowd,
        "time_lists": finding.time_lists,
        "time_look_ups": finding.time_look_ups,
        "time_export": finding.time_export,
        "fill_content": access.fill_content,
        "time_access": access.time_access,
    }
    for line in sys.stdin:
        deed, arguments = json.loads(line)
        answers.write(json.dumps(carry_out(deeds[deed], arguments)) + "\n")


def carry_out(deed: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """What the deed answered, or how it failed; the whole story is in the log."""
    try:
        return {"answer": deed(**arguments)}
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
