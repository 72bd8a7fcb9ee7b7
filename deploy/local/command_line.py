"""What ``python3 run.py`` understands."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from deploy.local import demo, environment, locks, programs, suite
from deploy.local.places import data_folder, make_writable
from deploy.local.processes import run_in_terminal
from deploy.local.trouble import Trouble

# These hand on what follows untouched: a word like -k belongs to pytest, not to us.
HANDED_ON = ("test", "bench", "manage")


def main(arguments: Sequence[str]) -> int:
    """Carry out one command and return its exit code; what a person can mend is said in one sentence."""
    # A shell starts background jobs deaf to Ctrl-C, and Python leaves it at that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), _end_in_order)
    try:
        return _carry_out(list(arguments))
    except Trouble as trouble:
        print(trouble, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr, flush=True)
        return 130


def _carry_out(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments[:1] if arguments[:1] and arguments[0] in HANDED_ON else arguments)
    rest = arguments[1:]
    match options.command:
        case "demo":
            return demo.check() if options.check else demo.run(port=options.port, fresh=options.fresh)
        case "test":
            return suite.run_some(rest) if rest else suite.run_all()
        case "bench":
            python = environment.ensure(with_tests=True)
            return run_in_terminal([str(python), "-m", "bench", *rest], env={**os.environ, "PYTHONUNBUFFERED": "1"})
        case "lock":
            return locks.renew()
        case _:
            folder = make_writable(data_folder())
            python = environment.ensure(with_tests=False)
            return run_in_terminal(
                [str(python), "manage.py", *rest], env=programs.demo_environment(folder), stdin=sys.stdin
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 run.py", description="Set the platform up, show it, test it.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser("demo", help="start a seeded site on this machine; Ctrl-C ends it")
    show.add_argument("--fresh", action="store_true", help="forget the data of earlier starts first")
    show.add_argument("--check", action="store_true", help="start it, redeem a code, stop it, and exit 0 or 1")
    show.add_argument("--port", type=_port, default=demo.PORT, help=f"where it listens (default {demo.PORT})")
    commands.add_parser("test", help="run everything that CI runs; with PATH…, hand these on to pytest")
    commands.add_parser("bench", help="measure redemptions against the database's own floor")
    commands.add_parser("lock", help="renew the lists of pinned and hashed packages")
    commands.add_parser("manage", help="run Django's manage.py on the demo's data")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; ports go from 1 to 65535")
    return int(text)


def _end_in_order(number: int, frame: FrameType | None) -> None:
    # An exception runs every ``finally`` on the way out, and these end the children.
    raise SystemExit(128 + number)
