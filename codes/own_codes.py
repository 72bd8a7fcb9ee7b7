"""The codes that are a claimant's own: handed out to them, or bound to them by staff; and how each stands for them."""

import datetime as dt

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import User
from codes.models import Batch, Code, IssueOrder

READY, USED, NOT_YET_VALID, EXPIRED, OFF = "ready", "used", "not_yet_valid", "expired", "switched_off"
STANDINGS = (READY, USED, NOT_YET_VALID, EXPIRED, OFF)


def own_codes(claimant: User) -> "QuerySet[Code]":
    """What was handed out last comes first, ordered by ``handed`` and ``id``; nothing that is deleted or not issued to the end."""
    codes = Code.objects.filter(owner=claimant, site=claimant.site_id, order__state=IssueOrder.State.DONE)
    living = codes.exclude(state=Code.State.DELETED).exclude(batch__state=Batch.State.ARCHIVED)
    told = living.select_related("terms__asset", "batch", "assignment")
    # A claimant has few codes, found by the index on owners, so ordering them costs little.
    return told.annotate(handed=Coalesce(F("assignment__id"), Value(0))).order_by("-handed", "-id")


def standing(code: Code, now: dt.datetime) -> str:
    """One of STANDINGS: what its owner may expect of it now."""
    if code.uses >= min(code.max_uses, code.terms.uses_per_claimant):
        return USED
    if code.state != Code.State.ACTIVE or code.batch.state != Batch.State.ACTIVE:
        return OFF
    if code.valid_from and now < code.valid_from:
        return NOT_YET_VALID
    if code.valid_until and code.valid_until <= now:
        return EXPIRED
    return READY
