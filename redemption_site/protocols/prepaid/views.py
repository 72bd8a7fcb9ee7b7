"""/default/engine/…: where to, who, read, run, answer. The site is the host's; what a procedure returns is always HTTP 200."""

import logging
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts import outages
from accounts.refusals import ServiceUnavailable, TooManyAttempts, Unauthenticated
from codes.refusals import RequestMalformed, RequestTooLarge, UnsupportedMediaType
from redemption_site.edge.addresses import network_of
from redemption_site.edge.basic import Verified, find_verified
from redemption_site.edge.failures import RETRY_AFTER
from redemption_site.edge.parsing import LARGEST_BODY, read_body, refuse_charset
from redemption_site.protocols.prepaid import answers, execute
from redemption_site.protocols.prepaid.answers import NotRun
from redemption_site.protocols.prepaid.calling import Asked, Procedure, carry_out, note_bug
from redemption_site.protocols.prepaid.procedures.registry import PROCEDURES
from redemption_site.protocols.prepaid.reading import read_given

log = logging.getLogger(__name__)

XML = ("application/xml", "text/xml")
# What the edge refuses before a procedure is called.
NOT_RUN: dict[type[Exception], tuple[int, str]] = {
    RequestMalformed: answers.BODY_NOT_VALID,
    RequestTooLarge: answers.TOO_LARGE,
    UnsupportedMediaType: answers.WRONG_CONTENT_TYPE,
    execute.UnknownProcedure: answers.UNKNOWN_PROCEDURE,
}


@csrf_exempt
def engine(request: HttpRequest, procedure: str) -> HttpResponse:
    """A single call, or "execute"; an EngineError where no procedure ran."""
    try:
        return call_batches(request) if procedure == "execute" else call_one(request, procedure)
    except NotRun as error:
        return answers.not_run(error)
    except tuple(NOT_RUN) as error:
        return answers.not_run(NotRun(*NOT_RUN[type(error)]))
    except Exception as error:
        if isinstance(error, ServiceUnavailable) or outages.is_away(error):
            log.warning("The database is away: %s", type(error).__name__)
            return answers.not_run(NotRun(*answers.UNAVAILABLE, RETRY_AFTER))
        note_bug(error)
        return answers.not_run(NotRun(*answers.INTERNAL))


def call_one(request: HttpRequest, name: str) -> HttpResponse:
    procedure = find_procedure(name)
    refuse_method(request, procedure.methods)
    asked = find_asked(request)
    given = read_given(request)
    return answers.single(carry_out(procedure, name, given, asked, answers.SINGLE)[1])


def call_batches(request: HttpRequest) -> HttpResponse:
    refuse_method(request, ("POST",))
    asked = find_asked(request)
    if request.content_type not in XML:
        raise UnsupportedMediaType
    refuse_charset(request.content_params or {})
    batches = execute.read_batches(read_body(request, LARGEST_BODY), PROCEDURES)
    return answers.batches(execute.run_batches(batches, asked))


def find_procedure(name: str) -> Procedure:
    """By its own name or an alias, exactly as it is written. Raises NotRun."""
    procedure = PROCEDURES.get(name)
    if procedure is None:
        raise NotRun(*answers.UNKNOWN_PROCEDURE)
    return procedure


def refuse_method(request: HttpRequest, allowed: Sequence[str]) -> None:
    if request.method not in allowed:
        raise NotRun(*answers.NOT_ALLOWED, {"Allow": ", ".join(allowed)})


def find_asked(request: HttpRequest) -> Asked:
    """Whose site the host is, and who asks. Raises NotRun."""
    site: Any = getattr(request, "site", None)
    if not site:
        # An access data set is a tenant's, and this host is nobody's.
        raise NotRun(*answers.UNKNOWN_ACCESS_DATA)
    return Asked(site, find_user(request), network_of(request))


def find_user(request: HttpRequest) -> Verified | None:
    """The HTTP user; None where nobody says who they are. Raises NotRun."""
    try:
        return find_verified(request)
    except Unauthenticated as error:
        raise NotRun(*answers.AUTHENTICATION_FAILED, {"WWW-Authenticate": answers.CHALLENGE}) from error
    except TooManyAttempts as error:
        wait = {"Retry-After": str(error.retry_after_seconds or 1)}
        raise NotRun(*answers.AUTHENTICATION_FAILED, {"WWW-Authenticate": answers.CHALLENGE, **wait}) from error


@csrf_exempt
def unknown_access_data(request: HttpRequest, **_: str) -> HttpResponse:
    """There is one set of access data, and it is called "default"."""
    return answers.not_run(NotRun(*answers.UNKNOWN_ACCESS_DATA))


@csrf_exempt
def unknown_procedure(request: HttpRequest, **_: str) -> HttpResponse:
    return answers.not_run(NotRun(*answers.UNKNOWN_PROCEDURE))
