"""/add: the link that a publisher sends with a code in it. GET shows one button and never redeems; POST redeems.

Session codes are redeemed for the browser, whoever is signed in; all others for who is signed in.
Source: access codes, section 7.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import browsing, clock
from accounts.callers import caller_for_browser, caller_for_stranger, caller_for_user
from accounts.models import BrowserLogin
from accounts.refusals import Refusal, SignInNeeded, TooManyAttempts
from codes.lookup import LONGEST_TYPED
from codes.models import Attempt
from codes.redemption import guessing
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code
from codes.redemption.ways import is_session_code
from codes.refusals import AlreadyRedeemed
from redemption_site.edge.addresses import network_of
from redemption_site.edge.answers import retry_after_seconds
from redemption_site.edge.preferences import prefers_json
from redemption_site.edge.rendering import json_response
from redemption_site.pages import add_answers, forms, links
from redemption_site.pages.browsers import hand_token
from redemption_site.pages.links import Link
from redemption_site.pages.page import Page
from redemption_site.pages.ways_on import on_site
from redemption_site.pages.words import in_words

VALUE_ACTIONS = frozenset({"credit", "refund", "fulfilment"})  # They open nothing, and leave a receipt to look at.


class AddPage(Page):
    """The link's page, and the deed behind its button."""

    place = "add"
    token = ""  # Of the browser login that this request began.

    def get(self, request: HttpRequest) -> HttpResponseBase:
        name = request.GET.get("link", "")
        waiting = links.look(request, self.site, name) if name else None
        if waiting is None:
            link = Link(request.GET.get("redemptionCode", "").strip(), request.GET.get("successUrl", ""))
            return self.form(link, gone=bool(name))
        # Who has just signed in from this very link has pressed the button once already.
        asked = request.method == "GET" and self.claimant is not None
        return self.form(waiting, by_itself=asked and links.may_send(request, name))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        link = Link(
            request.POST.get("redemptionCode", ""), request.POST.get("successUrl", ""), request.POST.get("link", "")
        )
        try:
            attempt = self.redeem(link.code)
        except Refusal as refusal:
            return self.refuse(refusal, link)
        if link.name:
            links.forget(request, link.name)
        return self.lead_on(attempt, link)

    def redeem(self, typed: str) -> Attempt:
        """Redeem for who is signed in, or a session code for this browser. Raises the Refusal."""
        command = self.command(typed, self.browser)
        # First of all, and before the code is looked at: who has guessed enough learns nothing more.
        if seconds := guessing.seconds_until_free(command):
            raise TooManyAttempts(retry_after_seconds=seconds)
        if not is_session_code(self.site.pk, typed):
            return redeem_code(command).attempt
        browser = self.browser or self.begin()
        try:
            return redeem_code(self.command(typed, browser, for_browser=True)).attempt
        except AlreadyRedeemed as refusal:
            # The browser holds the licence still: that is success, and nothing was counted.
            held = Attempt.objects.filter(site_id=self.site.pk, receipt_number=refusal.receipt_number).first()
            if held is None:
                raise
            return held

    def command(self, typed: str, browser: BrowserLogin | None, *, for_browser: bool = False) -> RedeemCode:
        network, claimant = network_of(self.request), self.claimant
        if claimant is not None:
            caller = caller_for_user(claimant, self.site, network)
        elif browser is not None:
            caller = caller_for_browser(browser, self.site, network)
        else:
            caller = caller_for_stranger(self.site, network)
        return RedeemCode(
            caller=caller,
            code=typed,
            claimant_id=claimant.claimant_id if claimant else "",
            door="add",
            channel="WEB",
            # Who is signed in plays no part in a session code, but that one may be bound to them.
            browser_id=browser.pk if browser and for_browser else None,
            idempotency_key=forms.idempotency_key(self.request, "add", typed),
        )

    def begin(self) -> BrowserLogin:
        """A login for this browser; one form of one browser begins one, however often it is sent."""
        form_key, secret = forms.key_of(self.request), self.request.META.get("CSRF_COOKIE", "")
        browser, self.token = browsing.begin(
            self.site, clock.read(), f"{form_key} {secret}" if form_key and secret else ""
        )
        return browser

    def lead_on(self, attempt: Attempt, link: Link) -> HttpResponseBase:
        """To where the link wants, else to the one item, else to the bookshelf; with the browser's cookie if it is new."""
        location = on_site(link.success_url) or self.landing(attempt)
        response: HttpResponseBase
        if prefers_json(self.request):
            response = json_response(add_answers.redeemed(attempt, location))
        else:
            response = HttpResponseRedirect(location, status=303)
        if self.token:
            hand_token(response, self.token)
        return response

    def landing(self, attempt: Attempt) -> str:
        items = add_answers.licences_of(attempt)
        if len(items) == 1:
            return reverse("pages:item", args=items)
        if attempt.action in VALUE_ACTIONS:
            return reverse("pages:receipt", args=[attempt.pk])
        return reverse("pages:bookshelf")

    def here(self) -> str:
        return reverse("pages:add")  # Never with the code.

    def form(self, link: Link, *, by_itself: bool = False, gone: bool = False) -> HttpResponse:
        """The page with the one button; without a code, with a field to type it in."""
        context = {"link": link, "form_key": forms.new_key(), "by_itself": by_itself, "gone": gone}
        return self.render("pages/add.html", context)

    def refuse(self, refusal: Refusal, link: Link) -> HttpResponse:
        """Why it was refused and what to do next. A code that needs an account waits, sealed, for its reader to sign in."""
        words, seconds = in_words(refusal), retry_after_seconds(refusal)
        status, body = add_answers.refused(refusal)
        if prefers_json(self.request):
            return json_response(body, status, {"Retry-After": str(seconds)} if seconds else None)
        if isinstance(refusal, SignInNeeded):
            name = links.keep(self.request, self.site, Link(link.code, link.success_url))
            context = {"link": link, "way_back": f"{reverse('pages:add')}?link={name}"}
            return self.render("pages/add_sign_in.html", context, status)
        outcome = refusal.outcome
        context = {
            "link": Link(link.code[:LONGEST_TYPED], link.success_url, link.name),
            "form_key": (refusal.retryable and forms.key_of(self.request)) or forms.new_key(),
            "refusal": words,
            "receipt": self.own_receipt(refusal.receipt_number),
            "reference": outcome.attempt.pk if outcome and outcome.kept and words.names_reference else None,
        }
        response = self.render("pages/add.html", context, status)
        if seconds:
            response["Retry-After"] = str(seconds)
        return response

    def own_receipt(self, number: int | None) -> Attempt | None:
        """The claimant's receipt of this number."""
        if number is None or self.claimant is None:
            return None
        return Attempt.objects.filter(site_id=self.site.pk, claimant=self.claimant, receipt_number=number).first()
