"""``python -m bench [names…] [--rounds N] [--seconds S] [--json FILE]``; ``python3 run.py bench`` calls it."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from bench import access, finding, report, rounds
from bench.figures import NAMES, USUAL
from deploy.local.trouble import Trouble

FINDING, ACCESS = "finding", "access"


def main(arguments: Sequence[str]) -> int:
    """0 when everything ran, every answer was as it must be and the books agree: never because of a speed."""
    options = read(arguments)
    if options.names == [FINDING]:
        return alone(options, lambda say: rounds.measure_finding(options.codes, say), finding)
    if options.names == [ACCESS]:
        return alone(options, rounds.measure_access, access)
    names = options.names or USUAL
    try:
        results = rounds.measure(
            names,
            options.rounds,
            options.seconds,
            lambda line: print(line, flush=True),
            rows=tuple(sorted(options.rows)),
            memory_codes=options.issued,
            advices=options.advices,
            finished=options.finished,
            households=options.households,
            calls=options.calls,
        )
    except Trouble as trouble:
        print(trouble, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr, flush=True)
        return 130
    print(report.table(results, rounds=options.rounds, seconds=options.seconds), flush=True)
    if options.json:
        written = report.as_json(results, names=names, rounds=options.rounds, seconds=options.seconds)
        options.json.write_text(json.dumps(written, indent=2) + "\n")
    return 1 if results.violations else 0


def alone(options: argparse.Namespace, measure: Callable[[Callable[[str], None]], Any], figure: ModuleType) -> int:
    """A figure with a database of its own: minutes of filling, so only when asked for by name and alone."""
    try:
        found = measure(lambda line: print(line, flush=True))
    except Trouble as trouble:
        print(trouble, file=sys.stderr, flush=True)
        return 1
    print(figure.table(found), flush=True)
    if options.json:
        options.json.write_text(figure.as_json(found) + "\n")
    return 0


def read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py bench",
        description="Measure redemptions against the database's own floor, in paired rounds.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which figures: {', '.join(NAMES)} (default: {', '.join(USUAL)}); {FINDING} and {ACCESS} each alone",
    )
    parser.add_argument("--rounds", type=whole_number, default=5, help="how often each pair is measured (default 5)")
    parser.add_argument("--seconds", type=whole_number, default=5, help="how long each run takes (default 5)")
    parser.add_argument("--issued", type=count, default=10_000_000, help="how many codes for memory (default 10000000)")
    parser.add_argument(
        "--rows",
        type=count,
        nargs=2,
        metavar="N",
        default=(1_000_000, 5_000_000),
        help="sizes of the two tables that sweep is measured in (default 1000000 5000000)",
    )
    parser.add_argument(
        "--advices", type=count, default=100_000, help="how many a round of drain drains (default 100000)"
    )
    parser.add_argument(
        "--finished", type=count, default=1_000_000, help="how many advices for drainmemory (default 1000000)"
    )
    parser.add_argument("--households", type=count, default=100, help="how many redeem points (default 100)")
    parser.add_argument(
        "--calls", type=count, default=0, help="end each run of a floor after so many calls, not after its time"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures to this file too")
    parser.add_argument("--codes", type=many, default=5_000_000, help="for finding: among how many (default 5,000,000)")
    options = parser.parse_args(arguments)
    if options.names in ([FINDING], [ACCESS]):
        return options
    for name in options.names:
        if name not in NAMES:
            parser.error(f"{name!r} is no figure; there are: {', '.join(NAMES)}")
    return options


def whole_number(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 3_600):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 3600")
    return int(text)


def count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10000000")
    return int(text)


def many(text: str) -> int:
    if not (text.isdecimal() and 20_000 <= int(text) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 20000 to 10000000")
    return int(text)


def end_in_order(number: int, frame: FrameType | None) -> None:
    # An exception runs every ``with`` on the way out, and these end the servers.
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end_in_order)
    sys.exit(main(sys.argv[1:]))
