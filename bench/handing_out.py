"""One process that hands out codes, over a connection of its own, as fast as it can."""

import time
import uuid
from typing import Any

from bench.redeeming import caller
from bench.stocking import claimant_id, claimants_of_codes
from codes.assigning import AssignCode, assign

WARM_UP = 50


def hand_out(batch_id: int, most: int, seconds: float) -> dict[str, Any]:
    """Hand out up to ``most`` codes of the batch, each to another claimant and under a key of its own."""
    who, claimants = caller(), claimants_of_codes()

    def one(number: int) -> None:
        _, replayed = assign(AssignCode(who, batch_id, claimant_id(number % claimants), str(uuid.uuid4())))
        if replayed:
            raise RuntimeError("A fresh key was answered with an earlier code.")

    for number in range(WARM_UP):
        one(number)
    given, started, own = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds and given < most - WARM_UP:
        one(given)
        given += 1
    taken = time.perf_counter() - started
    return {
        "used": given + WARM_UP,
        "per_second": given / taken,
        "cpu_ms": (time.process_time() - own) * 1_000 / max(1, given),
    }
