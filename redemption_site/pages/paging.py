"""Lists that are read page by page, each from behind the last entry of the one before."""

import re

from django.http import HttpRequest

ID = re.compile(r"[0-9]{1,18}")


def after_of(request: HttpRequest) -> int | None:
    """Behind which entry the page begins; None for the first page, and for what no page of ours leads to."""
    given = request.GET.get("after", "")
    return int(given) if ID.fullmatch(given) else None
