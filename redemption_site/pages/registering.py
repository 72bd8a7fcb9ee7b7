"""Making an account: an e-mail address and a password. Whoever has one already is signed in if the password is theirs."""

import contextlib
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import auditing, budgets, clock
from accounts.models import User
from accounts.signing_in import locked_seconds
from ledger.opening import create_claimant
from redemption_site.edge.addresses import network_of
from redemption_site.pages.signing_in import SignInPage
from redemption_site.pages.ways_on import after_sign_in
from redemption_site.pages.words import waiting_time

TRIES_PER_ADDRESS = 20  # In 15 minutes, whether or not an account came of it.
LONGEST_PASSWORD = 200


class RegisterPage(SignInPage):
    """The form. Who comes from a link goes back to it, and it is sent."""

    place = "register"

    def post(self, request: HttpRequest) -> HttpResponseBase:
        email, password = request.POST.get("email", "").strip().lower(), request.POST.get("password", "")
        if problem := problem_with(email, password):
            return self.form(email, problem)
        if seconds := budgets.count_failure([self.budget()], clock.read()) or locked_seconds(request, email):
            return self.wait(email, seconds)
        if not User.objects.filter(site=self.site, email=email).exists():
            # Somebody may be faster with this address: then it is one that has an account.
            with contextlib.suppress(IntegrityError):
                return self.welcome(self.create(email, password))
        # Exactly what signing in would answer, counted as it counts.
        known = authenticate(request, username=email, password=password)
        if isinstance(known, User) and known.site_id == self.site.pk:
            return self.welcome(known)
        if seconds := locked_seconds(request, email):
            return self.wait(email, seconds)
        return self.form(
            email, _("No account could be made with these. If you have one, sign in; or take another e-mail address.")
        )

    def create(self, email: str, password: str) -> User:
        """The account, with its audit record. Raises IntegrityError if the site knows the address already."""
        with transaction.atomic():
            user = create_claimant(self.site, email, password, language=get_language() or "")
            auditing.record(
                "user.registered", site=self.site, actor_id=user.claimant_id, object_type="user", object_id=user.pk
            )
        return user

    def budget(self) -> budgets.Budget:
        return budgets.Budget("register", f"{self.site.pk}|{network_of(self.request)}", TRIES_PER_ADDRESS)

    def wait(self, email: str, seconds: int) -> HttpResponse:
        problem = _("Too many attempts from here. Try again in %(time)s.") % {"time": waiting_time(seconds)}
        response = self.form(email, problem, status=429)
        response["Retry-After"] = str(seconds)
        return response

    def form(self, email: str = "", problem: str = "", status: int = 400) -> HttpResponse:
        context: dict[str, Any] = {
            "email": email[:254],
            "problem": problem,
            "next": after_sign_in(self.request),
            **self.waits(),
        }
        return self.render("pages/register.html", context, status if problem else 200)


def problem_with(email: str, password: str) -> str:
    """What is wrong with what was typed, in a sentence; nothing if it will do."""
    try:
        validate_email(email)
        if len(email) > 254:
            raise ValidationError("too long")
    except ValidationError:
        return _("This is not an e-mail address. Check what you typed.")
    if len(password) > LONGEST_PASSWORD:
        return _("This password is too long.")
    try:
        validate_password(password, User(email=email))
    except ValidationError as errors:
        return " ".join(errors.messages)
    return ""
