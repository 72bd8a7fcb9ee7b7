"""The tests' settings for a web server that keeps every receipt back for a moment after its redemption has been committed.

So a process that is killed leaves both: redemptions that were not done, and some that were done and that nobody heard of.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse

from tests.settings import *  # noqa: F403
from tests.settings import MIDDLEWARE, VAR_DIR

SECONDS_LATE = 0.2
# The prepaid engine's receipt, and that of points.
RECEIPTS = (b"<ReturnCode>0</ReturnCode>", b"Ad hoc redemption issued successfully.")


def marks(var_dir: Path) -> Path:
    """The folder with one file for each receipt that is kept back just now, named after its process."""
    return var_dir / "late"


def keep_back(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the answer as it is, and a receipt a moment later."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 201 or any(receipt in response.content for receipt in RECEIPTS):
            mark = marks(VAR_DIR) / f"{os.getpid()}-{threading.get_ident()}"
            mark.touch()
            time.sleep(SECONDS_LATE)
            mark.unlink()
        return response

    return answer


MIDDLEWARE = ["tests.races.late_answers.keep_back", *MIDDLEWARE]
