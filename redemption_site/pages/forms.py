"""The key of a form: a form sent twice is one redemption."""

import re
import secrets

from django.http import HttpRequest

from accounts import digests

FORM_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)


def new_key() -> str:
    return secrets.token_urlsafe(16)


def key_of(request: HttpRequest) -> str | None:
    """The key of the form that was sent, if it is one of ours."""
    form_key = request.POST.get("form_key", "")
    return form_key if FORM_KEY.fullmatch(form_key) else None


def idempotency_key(request: HttpRequest, door: str, typed: str) -> str | None:
    """One key for each form and code: a form sent twice is one redemption, a corrected code in it is a new one."""
    form_key = key_of(request)
    if form_key is None:
        return None
    return f"{door}-{form_key}-{digests.keyed(f'{door} form', form_key, typed).hex()}"
