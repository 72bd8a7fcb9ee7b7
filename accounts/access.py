"""The one reading that answers: may this user, or this browser, open this item now, and through which licence?"""

import datetime as dt
from dataclasses import dataclass

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.account_sets import sets_of
from accounts.models import CollectionMember, Item, ItemVisibility, Licence


@dataclass(frozen=True, slots=True)
class Reader:
    """Who wants to open something: somebody signed in, a browser that holds session licences, both, or neither."""

    site_id: int
    user_id: int | None = None
    browser_id: int | None = None  # Of a browser login that has not ended.


def live_licences(reader: Reader, now: dt.datetime) -> "models.QuerySet[Licence]":
    """The licences that the reader holds now: their own, their account sets', their browser's."""
    held = Q(account_set__in=sets_of(reader.site_id, reader.user_id))
    if reader.user_id is not None:
        held |= Q(user_id=reader.user_id)
    if reader.browser_id is not None:
        held |= Q(browser_id=reader.browser_id)
    return Licence.objects.filter(
        held, Q(ends_at__isnull=True) | Q(ends_at__gt=now), site_id=reader.site_id, starts_at__lte=now, ended_at=None
    )


def find_licence(reader: Reader, item: Item, now: dt.datetime) -> Licence | None:
    """A licence through which the reader may open ``item`` now; None if there is none or they may not even see it.

    A licence covers its item, the parts of a publication, and whatever is in a collection at the moment (and its parts).
    """
    if not can_see(reader, item):
        return None
    own = [item.pk, *([item.part_of_id] if item.part_of_id else [])]
    within = CollectionMember.objects.filter(item__in=own).values("collection_id")
    covering = Q(item__in=own) | Q(item__in=within)
    of_type = Q(meta_type_restriction="") | Q(meta_type_restriction=item.meta_type)
    # The one that lasts longest, so that it is told what the reader has.
    return (
        live_licences(reader, now)
        .filter(covering, of_type)
        .select_related("item", "account_set", "offer")
        .order_by(models.F("ends_at").desc(nulls_first=True), "pk")
        .first()
    )


def can_see(reader: Reader, item: Item) -> bool:
    """Whether the item, and the publication it is a part of, are visible to the reader."""
    own = [item.pk, *([item.part_of_id] if item.part_of_id else [])]
    return not hidden_from(reader, Item.objects.filter(pk__in=own, site_id=reader.site_id)).exists()


def hidden_from(reader: Reader, items: "models.QuerySet[Item]") -> "models.QuerySet[Item]":
    """Those of the items that are visible to account sets only, and to none of the reader's."""
    visibilities = ItemVisibility.objects.filter(item=OuterRef("pk"))
    mine = visibilities.filter(account_set__in=sets_of(reader.site_id, reader.user_id))
    return items.filter(Exists(visibilities), ~Exists(mine))
