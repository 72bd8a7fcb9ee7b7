"""Whether somebody wants a page or, being a program, JSON."""

from django.http import HttpRequest

HTML, JSON = "text/html", "application/json"


def prefers_json(request: HttpRequest) -> bool:
    """By the ``Accept`` header; who takes anything gets the page."""
    return request.get_preferred_type([HTML, JSON]) == JSON
