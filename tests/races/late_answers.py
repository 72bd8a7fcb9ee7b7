"""The tests' settings for a web server that keeps every answer back for a moment after its transaction has been committed.

So a process that is killed leaves both: redemptions that were not done, and some that were done and that nobody heard of.
"""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tests.settings import *  # noqa: F403
from tests.settings import MIDDLEWARE

SECONDS_LATE = 0.1


def keep_back(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the answer as it is, a moment later."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        time.sleep(SECONDS_LATE)
        return response

    return answer


MIDDLEWARE = ["tests.races.late_answers.keep_back", *MIDDLEWARE]
