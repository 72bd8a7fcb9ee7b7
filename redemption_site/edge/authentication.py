"""From credentials to a Caller: an API key, or a browser login on its own site.

Source: redemption flow, section 2. HTTP Basic comes with the protocols that ask for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import client_keys
from accounts.callers import Caller, caller_for_client, caller_for_user
from accounts.refusals import Unauthenticated
from accounts.remembering import Remembered
from redemption_site.edge import forms
from redemption_site.edge.addresses import network_of

if TYPE_CHECKING:
    from rest_framework.views import APIView  # Whose module reads the settings that name this one.

CHALLENGE = 'Bearer realm="redemption"'
# Anything else cannot be a key of ours; the shape is public, so saying no to it early tells nobody anything.
KEY = re.compile(r"rk[0-9a-f]{12}\.[A-Za-z0-9_-]{20,100}")


remembered: Remembered[Caller] = Remembered("remembered key")


def find_by_key(key: str, network: str) -> Caller:
    """The caller behind the API key ``key``, asking from ``network``. Raises Unauthenticated."""
    if not KEY.fullmatch(key):
        raise Unauthenticated
    caller = remembered.find(lambda key: caller_for_client(*client_keys.verify(key), network), key)
    return caller if caller.network == network else replace(caller, network=network)


@dataclass(frozen=True, slots=True)
class CallerUser:
    """What REST framework calls the user: it has one only so that libraries can ask whether somebody is there."""

    pk: str
    is_authenticated: bool = True
    is_active: bool = True


class CallerAuthentication(BaseAuthentication):
    """``request.auth`` is the Caller. An Authorization header decides alone; without one a browser login does."""

    def authenticate(self, request: Request) -> tuple[CallerUser, Caller] | None:
        caller = find_caller(request._request)
        return None if caller is None else (CallerUser(caller.key), caller)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def caller_of(request: Request) -> Caller:
    """Who asks, in a view whose permission has made sure that somebody does."""
    caller: Any = request.auth
    assert isinstance(caller, Caller), "HasScope lets nobody else in."
    return caller


def find_caller(request: HttpRequest) -> Caller | None:
    """Who asks; None where no credentials came. Raises Unauthenticated on ones that are not valid now."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header is not None:
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        return find_by_key(key.strip(), network_of(request))
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        return find_signed_in(request)
    return None


def find_signed_in(request: HttpRequest) -> Caller | None:
    """The browser login, if it is one of the host's own site. Raises Unauthenticated without its CSRF token."""
    user: Any = request.user
    site: Any = getattr(request, "site", None)
    # A login counts on its own site only, and platform staff redeem nothing for themselves.
    if not user.is_authenticated or not site or user.site_id != site.pk:
        return None
    refuse_forged(request)
    return caller_for_user(user, site, network_of(request))


def refuse_forged(request: HttpRequest) -> None:
    """Raise Unauthenticated unless the request carries the CSRF token, in the header or as a form field."""
    if settings.CSRF_HEADER_NAME not in request.META:
        token = forms.find_field(request, "csrfmiddlewaretoken")
        if token:
            request.META[settings.CSRF_HEADER_NAME] = token
    # The body has been read strictly, or will be: Django's own lenient form parser must never see it.
    vars(request).setdefault("_post", QueryDict())
    vars(request).setdefault("_files", MultiValueDict())
    check = CSRFCheck(no_answer)
    check.process_request(request)
    if check.process_view(request, no_answer, (), {}):
        raise Unauthenticated


def no_answer(*_: Any) -> HttpResponse:
    raise NotImplementedError("The check is asked for its verdict only.")


class ScopeMissing(PermissionDenied):
    """The caller is known, but its key lacks the scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a key with the scope '{scope}'.", code="scope_missing")


class HasScope(BasePermission):
    """The caller's key has the scope that the view asks of this method, in ``scopes = {"GET": "read"}``.

    None means that any caller may ask, and the view itself looks at whose object it is.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, Caller):
            raise Unauthenticated
        scopes: Mapping[str, str | None] = getattr(view, "scopes", {})
        method = "GET" if request.method == "HEAD" else request.method or ""
        scope = scopes.get(method)
        if scope is not None and scope not in request.auth.scopes:
            raise ScopeMissing(scope)
        return True
