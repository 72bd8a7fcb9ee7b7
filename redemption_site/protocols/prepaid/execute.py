"""engine/execute: batches of procedures in one document. Source: prepaid engine, section 9.

The whole document is validated before anything runs. Then batches run in its order, and procedures within a batch; every one is
its own transaction, and what succeeded stays. A negative code ends its batch and no other.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import Error

from accounts.refusals import ServiceUnavailable
from codes.refusals import RequestMalformed
from redemption_site.edge.xml import MOST_ELEMENTS, Element, parse_xml
from redemption_site.protocols.prepaid.answers import IN_A_BATCH, Answer, Ran, write
from redemption_site.protocols.prepaid.calling import Asked, Procedure, carry_out
from redemption_site.protocols.prepaid.reading import Given, collect, value_of
from redemption_site.protocols.prepaid.return_codes import UNSOLVABLE

log = logging.getLogger(__name__)

MOST_PROCEDURES = 100
NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)


class UnknownProcedure(Exception):
    """The document is valid, but names a procedure that is none."""


@dataclass(frozen=True, slots=True)
class Called:
    """A procedure of a batch, the name it is called by, and its parameters."""

    procedure: Procedure
    name: str
    given: Given


@dataclass(frozen=True, slots=True)
class Batch:
    number: int
    called: Sequence[Called]


def read_batches(body: bytes, procedures: dict[str, Procedure]) -> list[Batch]:
    """What is to run. Raises RequestMalformed, UnknownProcedure."""
    root = parse_xml(body, most_elements=MOST_ELEMENTS)
    found = [(number_of(batch), list(read_procedures(batch))) for batch in inside(root, "ListOfBatches", "Batch")]
    names = [name for _, called in found for name, _ in called]
    if len({number for number, _ in found}) != len(found) or len(names) > MOST_PROCEDURES:
        raise RequestMalformed
    if not procedures.keys() >= set(names):
        raise UnknownProcedure
    return [
        Batch(number, [Called(procedures[name], name, given) for name, given in called]) for number, called in found
    ]


def read_procedures(batch: Element) -> Iterator[tuple[str, Given]]:
    for procedure in inside(batch, "Batch", "Procedure", "No"):
        lists = inside(procedure, "Procedure", "Parameters", "Name")
        if len(lists) > 1:
            raise RequestMalformed
        parameters = [each for given in lists for each in inside(given, "Parameters", "Parameter")]
        yield attribute(procedure, "Name"), collect(map(read_parameter, parameters))


def read_parameter(parameter: Element) -> tuple[str, str | None]:
    """White space is kept, for it may be part of a value."""
    if parameter.children or parameter.attributes.keys() - {"Name"}:
        raise RequestMalformed
    return attribute(parameter, "Name"), value_of(parameter.text)


def inside(element: Element, name: str, of: str, *attributes: str) -> list[Element]:
    """The elements inside one of this name, all of which are called ``of``. Raises RequestMalformed on anything else there."""
    foreign = element.attributes.keys() - set(attributes)
    if element.name != name or foreign or element.text.strip() or any(child.name != of for child in element.children):
        raise RequestMalformed
    return element.children


def attribute(element: Element, name: str) -> str:
    found = element.attributes.get(name, "")
    if not found:
        raise RequestMalformed
    return found


def number_of(batch: Element) -> int:
    number = attribute(batch, "No")
    if not NUMBER.fullmatch(number):
        raise RequestMalformed
    return int(number)


def run_batches(batches: Sequence[Batch], asked: Asked) -> list[tuple[int, list[Ran]]]:
    """Run them one after the other. Raises what ``carry_out`` does if no procedure has run before it."""
    answers: list[tuple[int, list[Ran]]] = []
    has_run = away = False
    for batch in batches:
        ran: list[Ran] = []
        stopped = away
        for called in batch.called:
            if stopped:
                ran.append(Ran(called.name, None))
                continue
            try:
                code, answer = carry_out(called.procedure, called.name, called.given, asked, IN_A_BATCH)
            except (Error, ServiceUnavailable) as error:
                if not has_run:
                    raise
                # What has run must be told; waiting again for each of the others would tell nobody anything.
                log.warning("The database is away: %s", type(error).__name__)
                away, code = True, UNSOLVABLE
                answer = Ran(called.name, write(Answer(code), IN_A_BATCH))
            has_run = True
            stopped = code < 0
            ran.append(answer)
        answers.append((batch.number, ran))
    return answers
