"""/items/<external ID>: one item, whether its reader may open it and through what, its parts or members."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.access import can_see, find_licence, hidden_from
from accounts.models import Item
from accounts.shelf import find_item
from redemption_site.pages.page import Page
from redemption_site.pages.paging import after_of
from redemption_site.pages.reasons import Reason, kind_of

PARTS_A_PAGE = 100


class ItemPage(Page):
    """For who may not see the item there is none. Who may see but not open it is told how to get it."""

    place = "item"

    def get(self, request: HttpRequest, external_id: str) -> HttpResponseBase:
        item = self.find(external_id)
        if item is None or not can_see(self.reader, item):
            return self.render("404.html", status=404)
        licence = find_licence(self.reader, item, self.now)
        after = after_of(request)
        inside = list(self.inside(item).filter(pk__gt=after or 0).order_by("pk")[: PARTS_A_PAGE + 1])
        context = {
            "item": item,
            "kind": kind_of(item),
            "reason": Reason.of(licence, self.site, item) if licence else None,
            "excluded_views": licence.excluded_views if licence else [],
            "inside": [{"item": each, "kind": kind_of(each)} for each in inside[:PARTS_A_PAGE]],
            "next_after": inside[PARTS_A_PAGE - 1].pk if len(inside) > PARTS_A_PAGE else None,
            "later": after is not None,
        }
        return self.render("pages/item.html", context)

    def find(self, external_id: str) -> Item | None:
        """The item of this ID, or of the ID without the slash that every address of ours may end with."""
        if "\x00" in external_id:
            return None  # PostgreSQL knows no text with it.
        item = find_item(self.site.pk, external_id)
        if item is None and external_id.endswith("/"):
            return find_item(self.site.pk, external_id[:-1])
        return item

    def inside(self, item: Item) -> "QuerySet[Item]":
        """The members of a collection, or the parts of a publication: those that the reader may see."""
        items = Item.objects.filter(site_id=self.site.pk)
        items = items.filter(memberships__collection=item) if item.is_collection else items.filter(part_of=item)
        wholes = Item.objects.filter(parts__in=items.values("pk"))
        return items.exclude(pk__in=hidden_from(self.reader, items).values("pk")).exclude(
            Q(part_of__isnull=False) & Q(part_of__in=hidden_from(self.reader, wholes).values("pk"))
        )
