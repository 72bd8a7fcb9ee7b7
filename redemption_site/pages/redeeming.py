"""/redeem: the form, the link that fills it in, and the deed. Nothing is ever redeemed by GET."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.callers import caller_for_user
from accounts.models import User
from accounts.refusals import Refusal
from codes.lookup import LONGEST_TYPED
from codes.models import Attempt
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code
from codes.refusals import FieldTooLong, MissingCode
from redemption_site.edge.addresses import network_of
from redemption_site.pages import forms, waiting
from redemption_site.pages.page import Page
from redemption_site.pages.words import in_words


class RedeemPage(Page):
    """The form; sent by somebody who is signed in it redeems, for that person alone."""

    place = "redeem"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self.form(waiting.look(request, self.site) or "")

    def post(self, request: HttpRequest) -> HttpResponseBase:
        typed = request.POST.get("code", "")
        try:
            if self.claimant is None:
                return self.wait_for_sign_in(typed)
            waiting.forget(request)
            outcome = redeem_code(self.command(typed, self.claimant))
        except Refusal as refusal:
            return self.refuse(refusal, typed)
        assert outcome.attempt is not None, "Every redemption has an attempt."
        return self.go("pages:receipt", outcome.attempt.pk)

    def wait_for_sign_in(self, typed: str) -> HttpResponseBase:
        """Keep the code until its owner has signed in; nobody looks it up for a stranger. Raises MissingCode, FieldTooLong."""
        if not typed.strip():
            raise MissingCode
        if len(typed) > LONGEST_TYPED:
            raise FieldTooLong
        waiting.keep(self.request, self.site, typed)
        return self.go("pages:sign-in")

    def command(self, typed: str, claimant: User) -> RedeemCode:
        return RedeemCode(
            caller=caller_for_user(claimant, self.site, network_of(self.request)),
            code=typed,
            claimant_id=claimant.claimant_id,
            door="page",
            channel="WEB",
            idempotency_key=forms.idempotency_key(self.request, "page", typed),
        )

    def here(self) -> str:
        return reverse("pages:redeem")  # Not a link's own address, which holds a code.

    def form(self, typed: str = "") -> HttpResponse:
        return self.render("pages/redeem.html", {"code": typed, "form_key": forms.new_key()})

    def refuse(self, refusal: Refusal, typed: str) -> HttpResponse:
        """The form again, with why it was refused and what to do next.

        Whoever is told to try again sends the same form: if the first try was done after all, they get its receipt.
        """
        words = in_words(refusal)
        outcome = getattr(refusal, "outcome", None)
        context = {
            "code": typed[:LONGEST_TYPED],
            "form_key": (refusal.retryable and forms.key_of(self.request)) or forms.new_key(),
            "refusal": words,
            "receipt": self.own_receipt(refusal.receipt_number),
            "reference": outcome.attempt.pk if outcome and outcome.kept and words.names_reference else None,
        }
        response = self.render("pages/redeem.html", context, words.status)
        if words.retry_after_seconds:
            response["Retry-After"] = str(words.retry_after_seconds)
        return response

    def own_receipt(self, number: int | None) -> Attempt | None:
        """The claimant's receipt of this number."""
        if number is None or self.claimant is None:
            return None
        return Attempt.objects.filter(site_id=self.site.pk, claimant=self.claimant, receipt_number=number).first()


class LinkPage(RedeemPage):
    """The address in a link or QR code: the code moves from the address bar into the sealed session, then the form asks."""

    def get(self, request: HttpRequest, code: str = "") -> HttpResponseBase:
        try:
            self.wait_for_sign_in(code)
        except Refusal as refusal:
            return self.refuse(refusal, code)
        return self.go("pages:redeem" if self.claimant else "pages:sign-in")

    def post(self, request: HttpRequest, code: str = "") -> HttpResponseBase:
        return self.http_method_not_allowed(request)
