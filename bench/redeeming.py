"""One process that redeems through the engine, over a connection of its own, as fast as it can."""

import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from accounts.callers import Caller, caller_for_client
from accounts.models import Client
from bench import cpu
from bench.stocking import claimant_id, claimants_of_codes
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_codes, validate_codes


def redeem(
    codes: dict[str, Any], seconds: float, size: int, warm_up: int, server_pid: int, validated: bool = False
) -> dict[str, Any]:
    """Redeem the slice of codes in lists of ``size``, each code for another claimant and under a key of its own.

    ``validated``: each list is asked about first, as tills do, and that takes its part of the time. The first ``warm_up`` lists
    are not measured. Raises RuntimeError on a refusal.
    """
    with Path(codes["path"]).open() as lines:
        texts = [line.strip() for line in islice(lines, codes["start"], codes["start"] + codes["count"])]
    lists = commands(caller(), texts, claimants_of_codes(), size)
    used = sum(carry_out(each, validated) for each in islice(lists, warm_up))
    redeemed, before = 0, spent(server_pid)
    deadline = before[0] + seconds
    while time.perf_counter() < deadline and (together := next(lists, None)):
        redeemed += carry_out(together, validated)
    taken, own, database = (after - at_first for after, at_first in zip(spent(server_pid), before, strict=True))
    if not redeemed:
        raise RuntimeError("There were too few codes to measure anything.")
    return {
        "used": used + redeemed,
        "per_second": redeemed / taken,
        "cpu_ms": own * 1_000 / redeemed,
        "database_cpu_ms": database * 1_000 / redeemed,
    }


def spent(server_pid: int) -> tuple[float, float, float]:
    """The clock, and processor seconds so far: of this process, and of the database where it has processes."""
    return time.perf_counter(), time.process_time(), cpu.seconds_below(server_pid) if server_pid else 0.0


def caller() -> Caller:
    """The API client, as the edge would make it."""
    client = Client.objects.select_related("site").get(name="load")
    return caller_for_client(client, frozenset(), network="127.0.0.1")


def commands(caller: Caller, texts: list[str], claimants: int, size: int) -> Iterator[list[RedeemCode]]:
    """Whole lists only: a shorter last one would not be what is measured."""
    for start in range(0, len(texts) - size + 1, size):
        yield [
            RedeemCode(
                caller=caller,
                code=text,
                claimant_id=claimant_id(number % claimants),
                idempotency_key=str(uuid.uuid4()),
            )
            for number, text in enumerate(texts[start : start + size], start)
        ]


def carry_out(together: list[RedeemCode], validated: bool) -> int:
    if validated:
        validate_codes(together)
    for outcome in redeem_codes(together):
        if outcome.refusal is not None:
            raise RuntimeError(f"A redemption was refused: {outcome.refusal.reason}")
    return len(together)
