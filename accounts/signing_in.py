"""Signing in by e-mail: claimants at their own site, staff anywhere; and the lock-out that stops guessing."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.db.models import Q
from django.http import HttpRequest

from accounts import budgets, clock
from accounts.models import Site, User

FAILURES_PER_EMAIL = 10
FAILURES_PER_ADDRESS = 100


class EmailBackend(BaseBackend):
    """Finds a claimant by (site of the page's host, e-mail), and staff by e-mail alone."""

    def authenticate(
        self, request: HttpRequest | None, username: str = "", password: str = "", **_: Any
    ) -> User | None:
        """The user, or None on a wrong pair or while the lock-out lasts.

        Unknown and known e-mails cost the same work.
        """
        if request is None or not username or not password:
            return None
        site: Site | None = getattr(request, "site", None)
        email = username.strip().lower()
        site_id = site.pk if site else None
        limits = lock_outs(request, email)
        # Counted before the password is looked at, so that parallel guesses get no more looks than one after another.
        if budgets.seconds_until_free(limits) or budgets.count_failure(limits, clock.read()):
            return None
        people = find(email, site_id)
        if not people:
            User().set_password(password)  # The work of a check, so that the time tells nothing.
        for user in people:
            if user.check_password(password) and user.is_active:
                budgets.take_back(limits)
                return user
        return None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.select_related("site").filter(pk=user_id, is_active=True).first()


def lock_outs(request: HttpRequest, email: str) -> list[budgets.Budget]:
    """The budgets that a wrong password counts against: this e-mail at this site, and everything from this network."""
    site: Site | None = getattr(request, "site", None)
    return [
        budgets.Budget("login", f"{site.pk if site else None}|{email.strip().lower()}", FAILURES_PER_EMAIL),
        budgets.Budget("login from", network_of(request), FAILURES_PER_ADDRESS),
    ]


def locked_seconds(request: HttpRequest, email: str) -> int:
    """How long the lock-out lasts, for saying so; the same for an e-mail that nobody has."""
    return budgets.seconds_until_free(lock_outs(request, email))


def network_of(request: HttpRequest) -> str:
    """What the edge says the request came from; it alone knows how many proxies are ours."""
    network: str | None = getattr(request, "network", None)
    return request.META.get("REMOTE_ADDR", "") if network is None else network


def find(email: str, site_id: int | None) -> list[User]:
    """The claimant of that site, then the member of staff with that e-mail: who is both has two passwords."""
    people = User.objects.select_related("site").filter(
        Q(site_id=site_id, site__isnull=False) | Q(is_staff=True), email=email
    )
    return sorted(people, key=lambda user: user.site_id != site_id)
