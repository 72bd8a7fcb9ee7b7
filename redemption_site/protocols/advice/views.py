"""POST /v3/redemptionAdvice: who reports, read, keep, answer. What becomes of the report is judged later, and never told here."""

import logging

from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts import outages, till_keys
from accounts.models import Client
from accounts.refusals import Unauthenticated
from accounts.remembering import Remembered
from codes.advice import accepting
from redemption_site.edge.parsing import read_body
from redemption_site.protocols.advice import answers, wire
from redemption_site.protocols.advice.answers import Refused

log = logging.getLogger(__name__)

remembered_tills: Remembered[Client] = Remembered("remembered till")


@csrf_exempt
def redemption_advice(request: HttpRequest) -> HttpResponse:
    """202 once the report and its work are in the database, 400 with the first thing that is wrong, 500 where that failed."""
    try:
        return accept(request)
    except Refused as refused:
        return answers.refused(refused.no, request)
    except answers.REFUSALS as refusal:
        return answers.refused(answers.ANSWERS[type(refusal)], request)
    except accepting.VenueUnknown:
        return answers.refused(answers.VENUE_INVALID, request)
    except Exception as error:
        if outages.is_away(error):
            log.warning("The database is away: %s", type(error).__name__)
        else:
            log.exception("A bug")
            got_request_exception.send(sender=redemption_advice, request=request)
    return answers.refused(answers.FAILED, request)


def accept(request: HttpRequest) -> HttpResponse:
    """In the contract's order: the first thing that is wrong is told, and nothing after it is looked at."""
    if settings.HTTPS and not request.is_secure():
        raise Refused(answers.NOT_SECURE)
    if request.method != "POST":
        return answers.empty(405, {"Allow": "POST"})
    till = find_till(request)
    form = wire.read_form(request)
    body = read_body(request, wire.LARGEST_BODY)
    accepting.accept(wire.read_report(form, body, till))
    return answers.accepted(form)


def find_till(request: HttpRequest) -> Client:
    """Raises Unauthenticated."""
    header = request.META.get("HTTP_X_VMOB_AUTHORIZATION", "")
    if len(header) > till_keys.LONGEST_HEADER:
        raise Unauthenticated
    return remembered_tills.find(till_keys.find_client, header)


@csrf_exempt
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Tills are no browsers: no page, and no word of what else there is."""
    return answers.empty(404)
