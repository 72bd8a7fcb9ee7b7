"""The stream's two charts: the last hour by the minute and the last day by the half hour, stacked by outcome.

They are drawn by the server as SVG, so that they need no script; the same figures stand beneath as a table.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.admin.wording import local
from accounts.models import Site
from codes.admin.advice_words import Outcome
from codes.advice import tallies

WIDE, GAP, HIGH = 10, 2, 100  # Of a bar with its gap, of the gap, and of the chart, in units of the drawing.
TICKS = 6
HALF_HOUR = dt.timedelta(minutes=30)
ORDER = [str(outcome.value) for outcome in Outcome]  # From the bottom up: the good news first, the failures on top.
LABELS = {str(outcome.value): str(outcome.label) for outcome in Outcome}


@dataclass(frozen=True)
class Part:
    """One outcome's share of a bar."""

    outcome: str
    y: float
    height: float
    title: str


@dataclass(frozen=True)
class Bar:
    x: int
    label: str
    total: int
    parts: Sequence[Part]
    counts: Sequence[str]  # In the order of the chart's legend.


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    said: str  # The same in words.
    bars: Sequence[Bar]
    legend: Sequence[tuple[str, str, str]]  # (outcome, label, how many)
    ticks: Sequence[str]
    most: str

    width = property(lambda self: len(self.bars) * WIDE)
    bar_width = WIDE - GAP
    height = HIGH


def charts(sites: Sequence[Site], now: dt.datetime) -> dict[str, Any]:
    """Both charts of these sites together, in their time zone, or in UTC where they have several: two statements."""
    ids = [site.pk for site in sites]
    zones = {site.time_zone for site in sites}
    zone = zones.pop() if len(zones) == 1 else "UTC"
    minute = tallies.minute_of(now)
    half = minute.replace(minute=minute.minute // 30 * 30)
    hour_starts = [minute - tallies.MINUTE * back for back in reversed(range(60))]
    day_starts = [half - HALF_HOUR * back for back in reversed(range(48))]
    by_minute = tallies.by_minute(ids, hour_starts[0], minute + tallies.MINUTE)
    by_half_hour = tallies.by_half_hour(ids, day_starts[0], half + HALF_HOUR)
    return {
        "zone": zone,
        "charts": [
            draw("hour", "The last hour, by the minute", hour_starts, by_minute, zone),
            draw("day", "The last 24 hours, by the half hour", day_starts, by_half_hour, zone),
        ],
    }


def draw(
    name: str, title: str, starts: Sequence[dt.datetime], counts: dict[tuple[dt.datetime, str], int], zone: str
) -> Chart:
    """One stacked bar for each of ``starts``; the tallest is as high as the drawing."""
    in_all: dict[str, int] = {}
    totals = dict.fromkeys(starts, 0)
    for (start, outcome), count in counts.items():
        in_all[outcome] = in_all.get(outcome, 0) + count
        totals[start] = totals.get(start, 0) + count
    shown = sorted(in_all, key=lambda each: ORDER.index(each) if each in ORDER else len(ORDER))
    most = max([1, *totals.values()])
    bars = []
    for place, start in enumerate(starts):
        label, top, parts = f"{local(start, zone):%H:%M}", 0.0, []
        for outcome in shown:
            if count := counts.get((start, outcome), 0):
                height = count / most * HIGH
                top += height
                parts.append(
                    Part(outcome, round(HIGH - top, 2), round(height, 2), f"{label}: {count:,} {worded(outcome)}")
                )
        written = [f"{counts.get((start, outcome), 0):,}" for outcome in shown]
        bars.append(Bar(place * WIDE, label, totals[start], parts, written))
    step = len(starts) // TICKS
    return Chart(
        name,
        title,
        in_words(in_all, shown, bars),
        bars,
        [(outcome, LABELS.get(outcome, outcome), f"{in_all[outcome]:,}") for outcome in shown],
        [bar.label for bar in bars[::step]],
        f"{most:,}" if in_all else "",
    )


def in_words(in_all: dict[str, int], shown: Sequence[str], bars: Sequence[Bar]) -> str:
    if not in_all:
        return "No advice was judged."
    tallest = max(bars, key=lambda bar: bar.total)
    each = ", ".join(f"{in_all[outcome]:,} {worded(outcome)}" for outcome in shown)
    return f"{sum(in_all.values()):,} advices were judged: {each}. Most at {tallest.label}: {tallest.total:,}."


def worded(outcome: str) -> str:
    return LABELS.get(outcome, outcome).lower()
