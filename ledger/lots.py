"""Which points a debit uses and a hold pins: judged in memory, oldest expiry first, those that never expire last."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

# (lot ID, minor units), in the order in which they are used. What an amount has beyond them is of points that never expire.
Pins = tuple[tuple[int, int], ...]
# What a void returns may be used for so long at least. Source: the platform's rule for voids of points.
USABLE_AGAIN = dt.timedelta(days=30)


@dataclass(slots=True)
class LotStanding:
    """A lot as it stands under its account's lock, in minor units."""

    id: int
    expires_at: dt.datetime
    remaining: int
    held: int

    @property
    def free(self) -> int:
        return self.remaining - self.held


def take(lots: Sequence[LotStanding], amount: int) -> Pins:
    """What of ``amount`` comes from which lot, by its free part; ``lots`` are in the order of their dates."""
    taken, left = [], amount
    for lot in lots:
        if left and lot.free > 0:
            part = min(lot.free, left)
            taken.append((lot.id, part))
            left -= part
    return tuple(taken)


def keep(pins: Pins, amount: int) -> tuple[Pins, Pins]:
    """What of a hold's pins stays for its first ``amount`` units, and what is unpinned: the latest first.

    What the hold has beyond its pins never expires, and is given up before any of them.
    """
    kept, freed, left = [], [], amount
    for lot_id, pinned in pins:
        part = min(pinned, left)
        left -= part
        if part:
            kept.append((lot_id, part))
        if pinned > part:
            freed.append((lot_id, pinned - part))
    return tuple(kept), tuple(freed)
