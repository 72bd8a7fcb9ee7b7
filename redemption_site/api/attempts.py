"""Reading attempts: one by its ID, and the list of a site's.

A claimant or program sees what it asked itself; a key with the scope ``read`` sees its whole site, but never a code's
characters: staff and lists know a code by batch and serial.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.callers import Caller
from codes.models import Attempt
from codes.redemption import journal
from redemption_site.api import documented
from redemption_site.api.filters import AttemptFilters
from redemption_site.api.flow import checks_of, failure_body, success_body
from redemption_site.api.paging import BY_DECISION, read_page
from redemption_site.api.problems import NotFound
from redemption_site.api.reversals import reversal_body
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.rendering import json_response

READ = "read"


class AttemptView(APIView):
    """One attempt, redeemed or refused."""

    http_method_names = ["get", "head"]
    scopes: ClassVar[dict[str, str]] = {}  # Whoever asked for it may read it again.

    @documented.GET_ATTEMPT
    def get(self, request: Request, attempt_id: UUID) -> HttpResponse:
        caller = caller_of(request)
        outcome = journal.find_attempt(caller.site_id, attempt_id)
        if outcome is None:
            raise NotFound
        attempt = outcome.attempt
        own = is_own(caller, attempt)
        if not own and READ not in caller.scopes:
            raise NotFound
        body = told(attempt, outcome.code_shown if own else None)
        if READ in caller.scopes:
            body["checks"] = checks_of(attempt, with_values=True)
        return json_response(body)


def is_own(caller: Caller, attempt: Attempt) -> bool:
    """Whether the caller asked for it, or is its claimant."""
    theirs = caller.user_id is not None and attempt.claimant_id == caller.user_id
    return theirs or attempt.caller == caller.key


def told(attempt: Attempt, code_shown: str | None) -> dict[str, Any]:
    """The answer as it was given, and the circumstances."""
    refusal = journal.refusal_of(attempt)
    body = success_body(attempt, code_shown) if refusal is None else failure_body(attempt.id, refusal)
    reversal = getattr(attempt, "reversal", None)
    return {
        **body,
        "decided_at": attempt.decided_at,
        "happened_at": attempt.happened_at,
        "claimant_id": attempt.claimant_given or None,
        "actor_id": attempt.actor_id,
        "channel": attempt.channel or None,
        "venue_id": attempt.venue_id or None,
        "reference": attempt.reference,
        "batch_id": attempt.batch_id,
        "serial": attempt.code.serial if attempt.code else None,
        "reversal": reversal_body(reversal) if reversal else None,
    }


def list_page(request: Request) -> dict[str, Any]:
    """One page of the site's attempts, newest first. Raises Invalid."""
    rows: QuerySet[Attempt] = Attempt.objects.filter(site_id=caller_of(request).site_id).select_related(
        "code", "reversal"
    )
    passing = AttemptFilters.applied(request, rows)
    found, next_cursor = read_page(passing, request, BY_DECISION, AttemptFilters.scope(request, rows))
    return {"results": [told(attempt, None) for attempt in found], "next_cursor": next_cursor}
