"""What a figure is made of: its rows in the table, the readings of a round, and everything that it measures with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.grounds import Ground, Shelf
from bench.pgbench import Floor
from bench.web import Web


@dataclass(frozen=True)
class Reading:
    """One round's value of one row: ours beside the floor, or ours alone where there is nothing to pair it with."""

    ours: float
    floor: float | None = None

    @property
    def value(self) -> float:
        return self.ours if self.floor is None else self.ours / self.floor


@dataclass(frozen=True)
class Row:
    """One line of the table. A ratio counts redemptions a second; other units stand alone."""

    key: str
    words: str
    unit: str = "ratio"
    mark: float | None = None

    def reached(self, value: float) -> bool | None:
        """Whether the mark is reached; None where there is none."""
        if self.mark is None:
            return None
        return value >= self.mark if self.unit == "ratio" else value <= self.mark


@dataclass
class Bench:
    """Everything that the figures measure with."""

    seconds: int
    floor: Floor
    ours: Shelf
    given: Shelf  # Codes that are handed out, and never redeemed.
    hot: Mapping[str, Any]
    web: Callable[..., Web]  # Over a ground, and with a settings module of the bench's own if one is named.
    sqlite: Callable[[], Shelf]
    table: Callable[[int], Ground]
    rows: tuple[int, int]
    memory_codes: int = 0
    shelves: dict[str, Shelf] = field(default_factory=dict)  # Codes of batches of their own, by name.
    imports: int = 0
    households: int = 100  # How many redeem points.
    advices: int = 100_000  # How many a round of drain drains.
    finished: int = 1_000_000  # How many there are in the end for drainmemory.
    calls: int = 0  # After which a run of the floor ends, and not after its time; 0 if its time is what counts.
    say: Callable[[str], None] = print

    def codes(self, floors: float) -> int:
        """How many codes are enough for so many runs of the floor at its fastest, and for whoever warms up."""
        if self.calls:
            return int(floors * self.calls) + 1_000
        return int(floors * self.floor.fastest * self.seconds) + 2_000


Measure = Callable[[Bench], dict[str, Reading]]


@dataclass(frozen=True)
class Figure:
    """One name on the command line.

    ``floors`` and ``ours`` say how many codes to have ready for a round, in runs of the floor at its fastest. The floor
    must never run out, and rates swing; one of ours that does ends early, and its rate is right all the same.
    """

    name: str
    rows: tuple[Row, ...]
    measure: Measure
    floors: float = 0
    ours: float = 0
    long: bool = False  # Only measured when it is named.
