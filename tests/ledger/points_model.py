"""A points account in plain Python: everything happens at its own instant, and nothing is ever written late."""

import datetime as dt
from dataclasses import dataclass, field

AGAIN = dt.timedelta(days=30)


@dataclass(eq=False)
class ModelLot:
    expires: dt.datetime
    left: int
    pinned: int = 0


@dataclass(eq=False)
class ModelHold:
    expires: dt.datetime
    pins: list[list] = field(
        default_factory=list
    )  # [lot, points], as they are used; None is the lot of what never expires.

    @property
    def amount(self) -> int:
        return sum(points for _, points in self.pins)


class Model:
    """``moved`` is the balance's history, ``spent`` what each redemption took from which lot, by token."""

    def __init__(self, start: dt.datetime, balance: int) -> None:
        self.state = "open"
        self.moved = [(start, balance)]
        self.lots: list[ModelLot] = []
        self.holds: dict[str, ModelHold] = {}
        self.spent: dict[str, list[list]] = {}
        self.waiting: dict[int, tuple[dt.datetime, int]] = {}

    def balance(self, at: dt.datetime | None = None) -> int:
        return sum(amount for when, amount in self.moved if at is None or when <= at)

    @property
    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values())

    def sources(self) -> list[tuple[ModelLot | None, int]]:
        """What is free, as it is used: by date, and what never expires last."""
        dated = sorted((lot for lot in self.lots if lot.left), key=lambda lot: (lot.expires, self.lots.index(lot)))
        free = [(lot, lot.left - lot.pinned) for lot in dated]
        endless = self.balance() - self.held - sum(points for _, points in free)
        return [*free, (None, endless)]

    def pick(self, amount: int) -> list[list]:
        picked = []
        for lot, free in self.sources():
            part = min(free, amount)
            amount -= part
            if part:
                picked.append([lot, part])
        return picked

    def use(self, picked: list[list], at: dt.datetime) -> None:
        self.moved.append((at, -sum(points for _, points in picked)))
        for lot, points in picked:
            if lot:
                lot.left -= points

    def permits(self, amount: int) -> bool:
        if amount < 0:
            return self.state == "open" and self.balance() - self.held + amount >= 0
        return self.state != "closed"

    def move(self, amount: int, at: dt.datetime, expires: dt.datetime | None = None) -> bool:
        if not self.permits(amount):
            return False
        if amount < 0:
            self.use(self.pick(-amount), at)
        else:
            self.moved.append((at, amount))
            if expires:
                self.lots.append(ModelLot(expires, amount))
        return True

    def hold(self, token: str, amount: int, until: dt.datetime) -> None:
        picked = self.pick(amount)
        for lot, points in picked:
            if lot:
                lot.pinned += points
        self.holds[token] = ModelHold(until, picked)

    def shrink(self, token: str, to: int, at: dt.datetime) -> None:
        hold = self.holds[token]
        while hold.amount > to:
            lot, points = last = hold.pins[-1]
            part = min(points, hold.amount - to)
            last[1] -= part
            if lot:
                lot.pinned -= part
            if not last[1]:
                hold.pins.pop()
        if not to:
            del self.holds[token]
        self.expire(at)

    def redeem(self, token: str, at: dt.datetime) -> None:
        hold = self.holds.pop(token)
        for lot, points in hold.pins:
            if lot:
                lot.pinned -= points
        self.use(hold.pins, at)
        self.spent[token] = hold.pins

    def void(self, token: str, at: dt.datetime) -> None:
        pins = self.spent.pop(token)
        self.moved.append((at, sum(points for _, points in pins)))
        for lot, points in pins:
            if lot:
                lot.left += points
                lot.expires = max(lot.expires, at + AGAIN)

    def expire(self, at: dt.datetime) -> None:
        over = [(lot, lot.left - lot.pinned) for lot in self.lots if lot.expires <= at and lot.left > lot.pinned]
        if over:
            self.use([list(each) for each in over], at)

    def let_pass(self, now: dt.datetime) -> None:
        """Everything that happens by itself, in the order of time: at one instant holds end, then lots, and then bookings count."""
        while True:
            events = [(hold.expires, 0, token) for token, hold in self.holds.items()]
            events += [(lot.expires, 1, self.lots.index(lot)) for lot in self.lots if lot.left > lot.pinned]
            events += [(due, 2, key) for key, (due, _) in self.waiting.items()]
            events = [event for event in events if event[0] <= now]
            if not events:
                return
            at, rank, key = min(events, key=lambda event: event[:2] + ((event[2],) if event[1] else (0,)))
            if rank == 0:
                self.shrink(key, 0, at)
            elif rank == 1:
                self.expire(at)
            else:
                self.move(self.waiting.pop(key)[1], at)
