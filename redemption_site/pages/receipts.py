"""Receipts: each at an address of its own, which only its claimant can open, and the list of them."""

from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from codes.lookup import shown
from codes.models import Attempt
from codes.receipt_words import Receipt
from redemption_site.pages.page import Page

RECEIPTS_A_PAGE = 20


class ReceiptsPage(Page):
    """The claimant's own receipts, newest first."""

    place = "receipts"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if self.claimant is None:
            return self.ask_to_sign_in()
        pages = Paginator(self.own(), RECEIPTS_A_PAGE)
        page = pages.get_page(request.GET.get("page"))
        return self.render("pages/receipts.html", {"page": page, "receipts": [self.receipt(each) for each in page]})

    def own(self) -> "QuerySet[Attempt]":
        attempts = Attempt.objects.filter(
            site_id=self.site.pk, claimant=self.claimant, outcome=Attempt.Outcome.REDEEMED
        )
        return attempts.select_related("code", "reversal", "work_item").order_by("-decided_at", "-id")

    def receipt(self, attempt: Attempt) -> Receipt:
        assert attempt.code is not None, "Every redemption has its code."
        return Receipt.of(attempt, shown(attempt.code), self.site)

    def ask_to_sign_in(self) -> HttpResponseRedirect:
        """A receipt's address is no secret, so it may wait in the address; whether there is such a receipt is not told."""
        return HttpResponseRedirect(f"{reverse('pages:sign-in')}?{urlencode({'next': self.request.path})}")


class ReceiptPage(ReceiptsPage):
    """One receipt."""

    def get(self, request: HttpRequest, attempt_id: UUID) -> HttpResponseBase:  # type: ignore[override]
        if self.claimant is None:
            return self.ask_to_sign_in()
        attempt = self.own().filter(pk=attempt_id).first()
        if attempt is None:
            return self.render("404.html", status=404)
        return self.render("pages/receipt.html", {"receipt": self.receipt(attempt)})
