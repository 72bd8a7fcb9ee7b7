"""What every call has in common: its method, who makes it, its body, its session; and how whatever goes wrong is told."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts import access_tokens, loyalty_sessions, outages
from accounts.models import Client, LoyaltySession, Site
from accounts.refusals import Refusal, ServiceUnavailable
from codes.redemption.rollback import RETRIED, is_busy
from codes.refusals import CodeBusy
from ledger.points_refusals import PointsRefused
from redemption_site.edge.failures import log_bug
from redemption_site.protocols.loyalty import answers, errors, wire
from redemption_site.protocols.loyalty.errors import Refused
from redemption_site.protocols.loyalty.refusals import told_as
from redemption_site.protocols.loyalty.wire import Body

log = logging.getLogger(__name__)

CHALLENGE = 'Bearer realm="loyalty"'
# The calls that have a body, which is then never left out.
WITH_BODY = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A call whose credential and body are good. ``body`` is empty where a call has none."""

    request: HttpRequest
    client: Client
    body: Body

    @property
    def site(self) -> Site:
        """The client's: never a host's, and never one that a call names."""
        return self.client.site

    @property
    def caller(self) -> str:
        return f"client:{self.client.pk}"


Deed = Callable[..., HttpResponse]


def address(**deeds: Deed) -> Callable[..., HttpResponse]:
    """The view of an address: a deed by method. Each is called with what is asked and the parts of the path."""

    def call(request: HttpRequest, **parts: str) -> HttpResponse:
        deed = deeds.get(request.method or "")
        if deed is None:
            raise Refused(errors.NOT_ALLOWED, {"Allow": ", ".join(deeds)})
        client = find_client(request)
        body = wire.read_body(request) if request.method in WITH_BODY else {}
        return deed(Asked(request, client, body), **parts)

    return told(call)


def told(call: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view with everything it may raise told in the protocol's form."""

    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        try:
            return call(request, **parts)
        except Refused as refused:
            return answers.refused(refused)
        except (Refusal, PointsRefused) as refusal:
            return answers.refused(told_as(refusal))
        except OperationalError as error:
            if is_busy(error) or outages.sqlstate(error) in RETRIED:
                return answers.refused(told_as(CodeBusy()))
            return away(error)
        except Exception as error:
            if outages.is_away(error):
                return away(error)
            log_bug(error)
            return answers.refused(Refused(errors.INTERNAL))

    return view


def away(error: Exception) -> HttpResponse:
    log.warning("The database is away: %s", type(error).__name__)
    return answers.refused(told_as(ServiceUnavailable()))


def find_client(request: HttpRequest) -> Client:
    """Whose token the request bears. Raises Refused: an API key is no token, and neither is anything but Bearer."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    client = access_tokens.find_client(token.strip()) if scheme.lower() == "bearer" else None
    if client is None:
        raise Refused(errors.UNAUTHORIZED, {"WWW-Authenticate": CHALLENGE})
    return client


SESSION_ERRORS: dict[type[loyalty_sessions.SessionUnavailable], errors.Error] = {
    loyalty_sessions.SessionUnknown: errors.SESSION_UNKNOWN,
    loyalty_sessions.SessionClosed: errors.SESSION_CLOSED,
    loyalty_sessions.SessionOfAnother: errors.FORBIDDEN,
    loyalty_sessions.CorrelationIdInUse: errors.CORRELATION_ID_IN_USE,
}


def find_session(asked: Asked, correlation_id: str) -> LoyaltySession:
    """The open session, kept alive by this call whatever becomes of it. Raises Refused."""
    try:
        return loyalty_sessions.touch(asked.client, asked.site, correlation_id)
    except loyalty_sessions.SessionUnavailable as error:
        raise Refused(SESSION_ERRORS[type(error)]) from error


@told
def nothing_here(request: HttpRequest, **_: str) -> HttpResponse:
    """Tills are no browsers: no page."""
    raise Refused(errors.NOTHING_HERE)
