"""The order of checks: of two things that are wrong, the one that the contract looks at first is told."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.codes.conftest import StoppedClock, clock_stopped
from tests.protocols.loyalty.conftest import M1, make_bare, moved
from tests.protocols.loyalty.faults import FORBIDDEN, NOBODY, ORDER, Call, Fault
from tests.protocols.loyalty.tills import unused
from tests.scenes import scene

OF_D = "a-session-of-d"


def neighbours() -> Iterator[Any]:
    """Every fault with the next one that is about something else."""
    for name, faults in ORDER.items():
        for number, first in enumerate(faults):
            for second in faults[number + 1 :]:
                # What is nobody's session is of no other client either, and what does not exist belongs to nobody.
                if second.part not in (first.part, *first.clashes) and {first, second} != {NOBODY, FORBIDDEN}:
                    yield pytest.param(name, first, second, id=f"{name}: {first.message} | {second.message}")
                    break


def make_calls() -> dict[str, Call]:
    """By member: what M1 needs to redeem and to void, and D, whose reservations name contributors."""
    programme = make_bare()
    with clock_stopped() as clock:
        programme.add(M1, 25_000)
        programme.add("A")
        programme.add_household("K", "request_defined", {"D": 700, "E": 300})
        till = unused(programme.till)
        till.start(M1)
        transaction_id = till.redeemed(till.reserved("5"))
        till.start("D", OF_D)
        tokens = till.reserved("100"), till.reserved("100", OF_D, contributions={"D": 100})
        return {
            M1: Call(programme, clock, "", M1, programme.till, tokens[0], transaction_id),
            "D": Call(programme, clock, "", "D", programme.till, tokens[1], "", OF_D),
        }


loyalty_calls_scene = scene("loyalty_calls", make_calls)


@pytest.fixture
def calling(
    loyalty_calls_scene: Callable[[], dict[str, Call]], db: None, stopped_clock: StoppedClock
) -> Callable[[str], Call]:
    def make(name: str) -> Call:
        call = loyalty_calls_scene()["D" if name in ("reserve", "reduce") else M1]
        call.clock, call.name = stopped_clock, name
        call.fields = {
            "start": {"correlationId": "fresh"},
            "reserve": {"reservationAmount": "10"},
            "reduce": {"reservationAmount": 10},
            "cancel": {},
            "redeem": {"businessUnit": "MAIN", "reservationToken": call.token},
            "void": {"originalTransactionId": call.transaction_id},
        }[name]
        call.method = {"reduce": "PUT", "cancel": "DELETE"}.get(name, "POST")
        return call

    return make


@pytest.mark.parametrize("name", ORDER)
def test_the_call_is_good(calling: Callable[[str], Call], name: str):
    assert calling(name).send()[0] == 200


@pytest.mark.parametrize(
    ("name", "fault"),
    [pytest.param(name, fault, id=f"{name}: {fault.message}") for name, faults in ORDER.items() for fault in faults],
)
def test_each_fault_alone(calling: Callable[[str], Call], name: str, fault: Fault):
    call = calling(name)
    fault.spoil(call)
    before = moved()
    assert call.send() == fault.answer
    assert moved() == before


@pytest.mark.parametrize(("name", "first", "second"), [*neighbours()])
def test_of_two_faults_the_first_is_told(calling: Callable[[str], Call], name: str, first: Fault, second: Fault):
    call = calling(name)
    second.spoil(call)
    first.spoil(call)
    before = moved()
    assert call.send() == first.answer
    assert moved() == before
