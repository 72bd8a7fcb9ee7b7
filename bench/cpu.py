"""Processor time, as the kernel counts it. Standard library only: the load generator imports it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def seconds_of_group(group: int) -> float:
    """User and system time that the living processes of a group have used so far, all their threads together."""
    return sum(ticks for _, member_of, ticks, _ in _each() if member_of == group) / TICKS_PER_SECOND


def seconds_below(parent: int) -> float:
    """User and system time of a process's children, those that have ended included: a database server's backends."""
    living = sum(ticks for child_of, _, ticks, _ in _each() if child_of == parent)
    ended = sum(reaped for _, _, _, reaped in _each(str(parent)))
    return (living + ended) / TICKS_PER_SECOND


def _each(which: str = "[0-9]*") -> Iterator[tuple[int, int, int, int]]:
    """(parent, group, own ticks, ticks of reaped children) of processes."""
    for stat in Path("/proc").glob(f"{which}/stat"):
        with contextlib.suppress(OSError):
            # The name stands in parentheses and may hold anything; what follows it is numbered from the state on.
            fields = stat.read_text().rpartition(")")[2].split()
            yield int(fields[1]), int(fields[2]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
