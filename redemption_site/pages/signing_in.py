"""Signing in and out. Who guesses passwords is locked out by ``accounts/signing_in.py``; this page says so honestly."""

from urllib.parse import urlencode

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.signing_in import locked_seconds
from redemption_site.pages import links, waiting
from redemption_site.pages.page import Page
from redemption_site.pages.ways_on import after_sign_in
from redemption_site.pages.words import waiting_time

BACKEND = "accounts.signing_in.EmailBackend"


class SignInPage(Page):
    """The form, and the way on to where the claimant wanted to go. Signing in gives the session a new key."""

    place = "sign-in"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if self.claimant:
            return self.go(after_sign_in(self.request))
        return self.form()

    def post(self, request: HttpRequest) -> HttpResponseBase:
        email, password = request.POST.get("email", ""), request.POST.get("password", "")
        user = authenticate(request, username=email, password=password)
        if isinstance(user, User):
            if user.site_id == self.site.pk:
                return self.welcome(user)
            return self.form(
                email, _("This is a staff account. It signs in at the staff desk and redeems nothing here.")
            )
        if seconds := locked_seconds(request, email):
            problem = _("Too many attempts to sign in. Try again in %(time)s.") % {"time": waiting_time(seconds)}
            response = self.form(email, problem, status=429)
            response["Retry-After"] = str(seconds)
            return response
        return self.form(email, _("E-mail address and password do not match an account that can sign in here."))

    def here(self) -> str:
        return f"{self.request.path}?{urlencode({'next': after_sign_in(self.request)})}"

    def form(self, email: str = "", problem: str = "", status: int = 400) -> HttpResponse:
        context = {
            "email": email,
            "problem": problem,
            "next": after_sign_in(self.request),
            **self.waits(),
        }
        return self.render("pages/sign_in.html", context, status if problem else 200)

    def waits(self) -> dict[str, bool]:
        """What waits for somebody to sign in: the link that they came from, or a code that was typed."""
        name = after_sign_in(self.request).partition("?link=")[2]
        return {
            "link_is_waiting": bool(name) and links.look(self.request, self.site, name) is not None,
            "code_is_waiting": waiting.look(self.request, self.site) is not None,
        }

    def welcome(self, user: User) -> HttpResponseBase:
        """Sign them in and lead them on; the link that they came from, if they did, is sent without a further question."""
        login(self.request, user, backend=BACKEND)
        way_on = after_sign_in(self.request)
        path, _mark, name = way_on.partition("?link=")
        if path == "/add":
            links.signed_in(self.request, name)
        return self.go(way_on)


class SignOutPage(Page):
    """Ends the session; only a form can, so that no link or picture signs anybody out."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        logout(request)
        return self.go("pages:redeem")
