"""/bookshelf: what this reader, or this browser, may open, and why."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from redemption_site.pages.page import Page
from redemption_site.pages.reasons import Reason, kind_of
from redemption_site.pages.shelf import shelf

ITEMS_A_PAGE = 50


class BookshelfPage(Page):
    """Everybody has one; a stranger's is empty and says how to fill it."""

    place = "bookshelf"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        given = request.GET.get("after", "")
        after = int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None
        held = shelf(self.reader, self.now, after, ITEMS_A_PAGE + 1)
        rows = [
            {"item": each.item, "kind": kind_of(each.item), "reason": Reason.of(each.licence, self.site, each.item)}
            for each in held[:ITEMS_A_PAGE]
        ]
        last = held[ITEMS_A_PAGE - 1].item.pk if len(held) > ITEMS_A_PAGE else None
        return self.render("pages/bookshelf.html", {"rows": rows, "next_after": last, "later": after is not None})
