"""Content security policies of the places whose pages are not ours: the admin and the API's own documentation.

django-csp sets the strict policy of all other pages (settings.py); it leaves these prefixes out. The API's answers are no
pages: theirs allows nothing at all.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"


def written(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


NOTHING = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
OURS = {"font-src": "'self'", "connect-src": "'self'", "img-src": "'self' data:", "script-src": "'self'"}

POLICIES = (
    # Unfold evaluates its attributes and styles elements in place.
    (
        "/admin/",
        written(
            {
                **NOTHING,
                **OURS,
                "script-src": "'self' 'unsafe-eval'",
                "style-src": "'self' 'unsafe-inline'",
                "form-action": "'self'",
            }
        ),
    ),
    # Swagger UI sets styles on its elements; its script comes from a file of its own.
    ("/api/docs", written({**NOTHING, **OURS, "style-src": "'self' 'unsafe-inline'"})),
    ("/api/", written(NOTHING)),
    ("/admin-api/", written(NOTHING)),
    ("/v3/", written(NOTHING)),
    ("/V3/", written(NOTHING)),
    ("/default/engine/", written(NOTHING)),
    *((place, written(NOTHING)) for place in settings.LOYALTY_PLACES),
)


class PolicyMiddleware:
    """Gives the answers under each of these prefixes their policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for prefix, policy in POLICIES:
            if request.path_info.startswith(prefix):
                response.headers[HEADER] = policy
                break
        return response
