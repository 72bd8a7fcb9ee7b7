"""The sidebar of the desk: what the reader may open, and which of it they have before them.

Unfold's own copies the whole list, finds every address anew each time it looks at it, and is told of what may not be opened
only to hide it: with some forty entries that was a third of what a page cost.
"""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from redemption_site.admin_theme import UNFOLD


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the navigation with the entries that the reader may open; a group without any is left out.

    An entry is active on its own page and on those below it; the first page of the desk, which all others are below, on its
    own alone.
    """
    index = reverse("admin:index")
    groups = []
    for group in UNFOLD["SIDEBAR"]["navigation"]:
        shown = []
        for entry in group["items"]:
            if "permission" in entry and not entry["permission"](request):
                continue
            link = str(entry["link"])
            active = request.path == link if link == index else request.path.startswith(link)
            shown.append({"title": entry["title"], "icon": entry["icon"], "link": link, "active": active})
        if shown:
            groups.append({**group, "items": shown})
    return groups
