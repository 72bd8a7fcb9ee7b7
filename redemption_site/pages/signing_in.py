"""Signing in and out. Who guesses passwords is locked out by ``accounts/signing_in.py``; this page says so honestly."""

import re
from urllib.parse import urlencode

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.signing_in import locked_seconds
from redemption_site.pages import waiting
from redemption_site.pages.page import Page
from redemption_site.pages.words import waiting_time

# A short list rather than a check of hosts: so no address can lead away, and none can hold a code.
WAYS_ON = re.compile(r"/receipts(/[0-9a-f-]{36})?")


class SignInPage(Page):
    """The form, and the way on to where the claimant wanted to go. Signing in gives the session a new key."""

    place = "sign-in"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if self.claimant:
            return self.go(self.way_on())
        return self.form()

    def post(self, request: HttpRequest) -> HttpResponseBase:
        email, password = request.POST.get("email", ""), request.POST.get("password", "")
        user = authenticate(request, username=email, password=password)
        if isinstance(user, User):
            if user.site_id == self.site.pk:
                login(request, user)
                return self.go(self.way_on())
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
        return f"{self.request.path}?{urlencode({'next': self.way_on()})}"

    def form(self, email: str = "", problem: str = "", status: int = 400) -> HttpResponse:
        context = {
            "email": email,
            "problem": problem,
            "next": self.way_on(),
            "code_is_waiting": waiting.look(self.request, self.site) is not None,
        }
        return self.render("pages/sign_in.html", context, status if problem else 200)

    def way_on(self) -> str:
        """Where to go afterwards: to the receipts or the form, whatever else the request wishes."""
        given = self.request.POST if self.request.method == "POST" else self.request.GET
        wished = given.get("next", "")
        return wished if WAYS_ON.fullmatch(wished) else "/redeem"


class SignOutPage(Page):
    """Ends the session; only a form can, so that no link or picture signs anybody out."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        logout(request)
        return self.go("pages:redeem")
