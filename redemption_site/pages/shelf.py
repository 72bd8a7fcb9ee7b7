"""What a reader may open, and through which licence: a page of it at a time."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from accounts.access import Reader, hidden_from, live_licences
from accounts.models import Item, Licence


@dataclass(frozen=True, slots=True)
class Held:
    item: Item
    licence: Licence


def shelf(reader: Reader, now: dt.datetime, after: int | None = None, limit: int = 50) -> list[Held]:
    """The items that the reader holds licences on and may see, the newest first, each with the licence that lasts longest.

    ``after`` is the ID of the last item of the page before.
    """
    licences = live_licences(reader, now)
    items = Item.objects.filter(Exists(licences.filter(item=OuterRef("pk"))), site_id=reader.site_id)
    items = items.exclude(pk__in=hidden_from(reader, items).values("pk"))
    if after is not None:
        items = items.filter(pk__lt=after)
    page = list(items.order_by("-pk")[:limit])
    longest: dict[int, Licence] = {}
    for licence in licences.filter(item__in=page).select_related("account_set").order_by("pk"):
        best = longest.get(licence.item_id)
        if best is None or (best.ends_at is not None and (licence.ends_at is None or licence.ends_at > best.ends_at)):
            longest[licence.item_id] = licence
    return [Held(item, longest[item.pk]) for item in page]


def find_item(site_id: int, external_id: str) -> Item | None:
    return Item.objects.filter(site_id=site_id, external_id=external_id).select_related("part_of").first()
