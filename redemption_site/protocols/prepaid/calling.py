"""Carrying a procedure out: the checks of the contract's section 6 in their order, then the procedure, then what became of it.

Whatever happens inside ends as a return code. Only a database that is away is raised, for that is the door's to tell.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.signals import got_request_exception

from accounts import clock, outages
from accounts.models import PrepaidSettings, Site
from accounts.refusals import Refusal, ServiceUnavailable
from codes.redemption.rollback import busy_as_refusal
from redemption_site.edge.basic import Verified
from redemption_site.edge.failures import log_bug
from redemption_site.protocols.prepaid import return_codes
from redemption_site.protocols.prepaid.answers import Answer, Message, Ran, write
from redemption_site.protocols.prepaid.parameters import Parameter, read_parameters
from redemption_site.protocols.prepaid.reading import Given
from redemption_site.protocols.prepaid.refusals import code_of
from redemption_site.protocols.prepaid.return_codes import Failed

log = logging.getLogger(__name__)

MOST_ROWS = 10_000  # That one request is answered with, however many procedures it calls.
MORE_ROWS = "There are more rows than one request is answered with."


@dataclass(slots=True)
class Room:
    """How many rows the answer may still have, all procedures of a request together."""

    rows: int = MOST_ROWS


@dataclass(frozen=True, slots=True)
class Asked:
    """What all procedures of one request have in common: whose site, which HTTP user if any, from where."""

    site: Site
    user: Verified | None = None
    network: str = ""
    room: Room = field(default_factory=Room)


@dataclass(frozen=True, slots=True)
class Call:
    """A procedure that may run, and the values of its parameters: ``call["UniqueID"]``."""

    asked: Asked
    settings: PrepaidSettings | None
    values: Mapping[str, Any]

    @property
    def site(self) -> Site:
        return self.asked.site

    @property
    def actor_id(self) -> str:
        """Who is told in the audit."""
        return self.asked.user.actor_id if self.asked.user else "publicuser"

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True, slots=True)
class Procedure:
    """What a procedure declares. One ending in _Ad names a permission of staff and a scope of clients, of which one is needed."""

    name: str
    run: Callable[[Call], Answer]
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    changes: bool = False
    permission: str = ""
    scope: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        return ("POST",) if self.changes else ("GET", "POST")

    @property
    def is_restricted(self) -> bool:
        return self.name.endswith("_Ad")


def carry_out(procedure: Procedure, name: str, given: Given, asked: Asked, indent: str) -> tuple[int, Ran]:
    """The return code, and the answer as it is written. Raises ServiceUnavailable, and the Error of a database that is away."""
    started = time.perf_counter()
    try:
        answer = judge(procedure, given, asked)
        ran = Ran(name, write(answer, indent))
    except Exception as error:
        answer = answer_to(error)
        ran = Ran(name, write(answer, indent))
    milliseconds = (time.perf_counter() - started) * 1_000
    log.info("procedure %s returned %d after %.1f ms", procedure.name, answer.code, milliseconds)
    return answer.code, ran


def judge(procedure: Procedure, given: Given, asked: Asked) -> Answer:
    """The order of checks is the contract's, and each is told before the next is looked at. Raises Failed."""
    settings = PrepaidSettings.objects.filter(site_id=asked.site.pk).first()
    if settings and settings.maintenance:
        raise Failed(return_codes.NOT_NOW)
    if settings and settings.licence_until is not None and settings.licence_until <= clock.read():
        raise Failed(return_codes.LICENCE_ENDED)
    if asked.user and not asked.user.belongs_to(asked.site.pk):
        raise Failed(return_codes.NOT_REGISTERED)
    if procedure.is_restricted and not may_run(procedure, asked):
        raise Failed(return_codes.NO_RIGHT)
    with busy_as_refusal():
        return procedure.run(Call(asked, settings, read_parameters(procedure.parameters, given)))


def may_run(procedure: Procedure, asked: Asked) -> bool:
    """A client that may act for some claimants only runs nothing that reaches all of them."""
    user = asked.user
    return user is not None and not user.limited and user.may(asked.site.pk, procedure.permission, procedure.scope)


def answer_to(error: Exception) -> Answer:
    """What became of a procedure that raised. Raises the error again where the database is away."""
    match error:
        case Failed():
            return Answer(error.code, messages=[Message(detail) for detail in error.details])
        case ServiceUnavailable():
            raise error
        case Refusal():
            return Answer(code_of(error))
    if outages.is_away(error):
        raise error
    note_bug(error)
    return Answer(return_codes.UNSOLVABLE)


def note_bug(error: Exception) -> None:
    """Log it without what it said, and tell whoever listens for bugs."""
    log_bug(error)
    got_request_exception.send(sender=carry_out, request=None)
