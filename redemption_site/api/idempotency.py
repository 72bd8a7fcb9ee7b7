"""The header Idempotency-Key."""

import re

from django.http import HttpRequest

from codes.refusals import RequestMalformed

# 1 to 255 printable ASCII characters; two header lines arrive joined by a comma, so no key may hold one.
KEY = re.compile(r"[!-+\--~]{1,255}")


def idempotency_key(request: HttpRequest) -> str | None:
    """The request's key, or None. Raises RequestMalformed on one that is none."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not KEY.fullmatch(key):
        raise RequestMalformed
    return key
