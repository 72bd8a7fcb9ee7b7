"""Middleware that only pages need, taken out of the way of the API, whose answers are counted in microseconds.

Each is the library's own; under /api/ and the protocols' addresses it hands the request on. Sessions, logins and the
CSRF check stay for all.
"""

from typing import Any

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

API = ("/api/", "/admin-api/", "/v3/", "/V3/", "/default/engine/", *settings.LOYALTY_PLACES)


class PageOnly:
    """Put before a middleware among the bases."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class PagePolicy(PageOnly, CSPMiddleware):
    """The strict content security policy of settings.py."""


class PageMessages(PageOnly, MessageMiddleware):
    """The admin's notes from one page to the next."""


class PageLanguage(PageOnly, LocaleMiddleware):
    """The visitor's language. The API speaks English, whatever language the thread's last page was in."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            translation.activate("en")
        return super().__call__(request)
