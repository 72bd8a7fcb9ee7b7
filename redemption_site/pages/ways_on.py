"""Where a page may lead on to: addresses on this site, and after sign-in only those that hold no code."""

import re

from django.http import HttpRequest
from django.utils.encoding import iri_to_uri

LONGEST = 1_000
# What a browser drops from an address or takes for a slash: "/<tab>/evil.example" is "//evil.example" to it.
TRICKS = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
# A short list rather than a check of hosts: so no address can lead away, and none can hold a code.
AFTER_SIGN_IN = re.compile(
    r"/receipts(/[0-9a-f-]{36})?|/codes|/account|/bookshelf|/items/(?!.*/\.)[\w.~%:@!$&'()*+,;=/-]{1,300}|/add\?link=[\w-]{22}",
    re.ASCII,
)


def on_site(wished: str) -> str | None:
    """The address as it goes into ``Location``, if it surely is one of this site; None if it is to be ignored.

    Source: access codes, section 7: one slash at its start, and neither ``//`` nor ``/\\``.
    """
    if not wished.startswith("/") or wished.startswith("//") or TRICKS.search(wished):
        return None
    address = iri_to_uri(wished)
    return address if len(address) <= LONGEST else None


def after_sign_in(request: HttpRequest) -> str:
    """Where to go once somebody is signed in: to what they came from, or the form, whatever else the request wishes."""
    given = request.POST if request.method == "POST" else request.GET
    wished = given.get("next", "")
    return wished if AFTER_SIGN_IN.fullmatch(wished) else "/redeem"
