"""/bookshelf: what this reader, or this browser, may open, and why."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.shelf import shelf
from redemption_site.pages.page import Page
from redemption_site.pages.paging import after_of
from redemption_site.pages.reasons import Reason, kind_of

ITEMS_A_PAGE = 50


class BookshelfPage(Page):
    """Everybody has one; a stranger's is empty and says how to fill it."""

    place = "bookshelf"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        after = after_of(request)
        page = shelf(self.reader, self.now, after, ITEMS_A_PAGE)
        rows = [
            {"item": each.item, "kind": kind_of(each.item), "reason": Reason.of(each.licence, self.site, each.item)}
            for each in page.entries
        ]
        return self.render("pages/bookshelf.html", {"rows": rows, "next_after": page.after, "later": after is not None})
