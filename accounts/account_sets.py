"""Which account sets a user is in now: asked anew each time, for membership follows the tags."""

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.models import AccountSet, AccountSetRule, UserTag

Kind = AccountSetRule.Kind


def sets_of(site_id: int, user_id: int | None) -> "models.QuerySet[AccountSet]":
    """The site's account sets that hold the user at the moment; without a user, none. A subquery: nothing is read yet."""
    if user_id is None:
        return AccountSet.objects.none()
    worn = UserTag.objects.filter(user_id=user_id).values("tag_id")
    rules = AccountSetRule.objects.filter(account_set=OuterRef("pk"))
    missing = rules.filter(kind=Kind.ALL).exclude(tag_id__in=worn)
    forbidden = rules.filter(kind=Kind.EXCLUDED, tag_id__in=worn)
    some = rules.filter(kind=Kind.ANY)
    return AccountSet.objects.filter(
        ~Exists(missing),
        ~Exists(forbidden),
        Exists(some.filter(tag_id__in=worn)) | (~Exists(some) & Q(Exists(rules.filter(kind=Kind.ALL)))),
        site_id=site_id,
    )
