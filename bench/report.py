"""The table that a person reads, and the same figures as JSON."""

import os
import platform
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.figures import FIGURES
from bench.measured import Row
from bench.rounds import Results

WIDTH = 58


def table(results: Results, *, rounds: int, seconds: int) -> str:
    """Medians with the lowest and highest round beside them."""
    cores = os.cpu_count()
    heading = f"{'':<{WIDTH}} {'ours':>9} {'floor':>9} {'median':>9}  {'[lowest – highest]':<20} {'mark':>6}  reached"
    lines = [
        "",
        f"{rounds} paired rounds of {seconds} s; PostgreSQL {results.server}, durable commits, full engine.",
        f"The database, the platform and the load share {cores} cores, so only the ratios mean anything elsewhere.",
        "",
        heading,
        "─" * len(heading),
        *(line(row, results) for figure in FIGURES for row in figure.rows if row.key in results.readings),
        "",
        f"{results.redemptions:,} redemptions; "
        + ("; ".join(results.violations) if results.violations else "all there, once each, and the books agree."),
    ]
    return "\n".join(lines)


def line(row: Row, results: Results) -> str:
    found = summary(row, results)
    ours = f"{found['ours']:,.0f}/s" if row.unit == "ratio" else ""
    floor = f"{found['floor']:,.0f}/s" if row.unit == "ratio" else ""
    spread = f"[{shown(row, found['lowest'])} – {shown(row, found['highest'])}]"
    mark = "" if row.mark is None else f"{'≥' if row.unit == 'ratio' else '≤'} {row.mark:g}"
    verdict = {True: "yes", False: "no", None: ""}[found["reached"]]
    value = shown(row, found["median"])
    return f"{row.words:<{WIDTH}} {ours:>9} {floor:>9} {value:>9}  {spread:<20} {mark:>6}  {verdict}".rstrip()


def shown(row: Row, value: float) -> str:
    return f"{value:.2f}" if row.unit == "ratio" else f"{value:.3g} {row.unit}"


def summary(row: Row, results: Results) -> dict[str, Any]:
    readings = results.readings[row.key]
    values = [reading.value for reading in readings]
    floors = [reading.floor for reading in readings if reading.floor is not None]
    return {
        "words": row.words.strip(),
        "unit": row.unit,
        "median": median(values),
        "lowest": min(values),
        "highest": max(values),
        "ours": median(reading.ours for reading in readings),
        "floor": median(floors) if floors else None,
        "mark": row.mark,
        "reached": row.reached(median(values)),
        "rounds": [vars(reading) for reading in readings],
    }


def as_json(results: Results, *, names: Sequence[str], rounds: int, seconds: int) -> dict[str, Any]:
    """Everything that the table is made of, and each round."""
    return {
        "figures": {
            row.key: summary(row, results)
            for figure in FIGURES
            for row in figure.rows
            if figure.name in names and row.key in results.readings
        },
        "rounds": rounds,
        "seconds": seconds,
        "redemptions": results.redemptions,
        "violations": results.violations,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "postgresql": results.server,
    }
