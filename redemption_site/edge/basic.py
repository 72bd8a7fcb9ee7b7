"""Who comes with HTTP Basic, in the protocols that ask for it; and who administers a site: so, or with a browser's staff login.

The pair is a staff member's e-mail and password, or a client's prefix and secret. Checking a password takes half a second of work
on purpose, so a pair that was right is remembered for five seconds, by keyed digest. Failures count against the budgets of
signing in.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts import budgets, client_keys, clock, signing_in
from accounts.models import Client, User
from accounts.refusals import TooManyAttempts, Unauthenticated
from accounts.remembering import Remembered
from redemption_site.edge.authentication import refuse_forged

PERMISSION = "codes.issue_codes"
LONGEST_PAIR = 1_000
PREFIX = re.compile(r"rk[0-9a-f]{12}", re.ASCII)
CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Verified:
    """Whose pair was right. ``key`` and ``actor_id`` are as a Caller's; ``rights`` has the sites they belong to.

    A right is a permission of staff, or a scope of a client; no word is both. ``everywhere``: every right on every site.
    ``limited``: a client that may act for some claimants only.
    """

    key: str
    actor_id: str
    rights: Mapping[int, frozenset[str]] = field(default_factory=dict)
    everywhere: bool = False
    limited: bool = False

    def belongs_to(self, site_id: int) -> bool:
        return self.everywhere or site_id in self.rights

    def may(self, site_id: int, *any_of: str) -> bool:
        return self.everywhere or not self.rights.get(site_id, frozenset()).isdisjoint(any_of)


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who may issue codes, and where. ``key`` and ``actor_id`` are as a Caller's."""

    key: str
    actor_id: str
    site_ids: frozenset[int] = frozenset()
    everywhere: bool = False

    def administers(self, site_id: int) -> bool:
        return self.everywhere or site_id in self.site_ids


# One at a time: otherwise a program's own parallel requests would spend its budget.
remembered_pairs: Remembered[Verified] = Remembered("remembered pair", one_at_a_time=True)


def find_administrator(request: HttpRequest) -> Administrator:
    """An Authorization header decides alone; without one the browser's login does. Raises Unauthenticated, TooManyAttempts."""
    verified = find_verified(request)
    if verified is not None:
        return administrator(verified)
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        user: Any = request.user
        if user.is_authenticated and user.is_staff:
            refuse_forged(request)
            return administrator(of_staff(user))
    raise Unauthenticated


def administrator(verified: Verified) -> Administrator:
    sites = {site_id for site_id in verified.rights if verified.may(site_id, PERMISSION, Client.Scope.ISSUE)}
    return Administrator(verified.key, verified.actor_id, frozenset(sites), everywhere=verified.everywhere)


def find_verified(request: HttpRequest) -> Verified | None:
    """Whose pair the request has; None where it has no credentials. Raises Unauthenticated, TooManyAttempts."""
    header = request.META.get("HTTP_AUTHORIZATION")
    return None if header is None else remembered_pairs.find(partial(verify, request), *read_pair(header))


def read_pair(header: str) -> tuple[str, str]:
    """Name and secret of RFC 7617. Raises Unauthenticated on anything else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 2 * LONGEST_PAIR:
        raise Unauthenticated
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Unauthenticated from error
    name, colon, secret = pair.partition(":")
    if not (colon and name and secret) or len(pair) > LONGEST_PAIR or CONTROL.search(pair):
        raise Unauthenticated
    return name, secret


def verify(request: HttpRequest, name: str, secret: str) -> Verified:
    """Raises Unauthenticated and TooManyAttempts."""
    is_client = PREFIX.fullmatch(name) is not None
    limits = signing_in.lock_outs(request, name)
    if is_client:
        # A prefix is public and its secret cannot be guessed: nobody is to lock a client out, only to be slowed down.
        limits = limits[1:]
    now = clock.read()
    # Counted before the secret is looked at, so that parallel guesses get no more looks than one after another.
    wait = budgets.seconds_until_free(limits, now) or budgets.count_failure(limits, now)
    if wait:
        raise TooManyAttempts(retry_after_seconds=wait)
    verified = of_client(*client_keys.verify(f"{name}.{secret}")) if is_client else of_pair(name, secret)
    budgets.take_back(limits)
    return verified


def of_pair(email: str, password: str) -> Verified:
    """The member of staff. Raises Unauthenticated; an e-mail that nobody has costs the same work."""
    user = User.objects.filter(email=email.strip().lower(), is_staff=True).first()
    if user is None:
        User().set_password(password)
    if user is None or not user.check_password(password) or not user.is_active:
        raise Unauthenticated
    return of_staff(user)


def of_staff(user: User) -> Verified:
    rights: dict[int, frozenset[str]] = {}
    for each in user.memberships.all():
        rights[each.site_id] = rights.get(each.site_id, frozenset()) | each.permissions()
    return Verified(f"user:{user.pk}", user.claimant_id, rights, everywhere=user.is_superuser)


def of_client(client: Client, acts_as: frozenset[int]) -> Verified:
    rights = {client.site_id: frozenset(client.scopes)}
    return Verified(f"client:{client.pk}", client.prefix, rights, limited=bool(acts_as))
