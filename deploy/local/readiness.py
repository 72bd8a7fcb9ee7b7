"""Asking a running platform how it is."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from deploy.local.supervision import Pulse

# The platform is on this machine: a proxy named in the environment must not be asked for it.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def send(request: urllib.request.Request, timeout_seconds: float = 5.0) -> tuple[int, Any]:
    """Send a request and return the status and the JSON of the answer, of a refusal too; OSError if none came."""
    try:
        with DIRECT.open(request, timeout=timeout_seconds) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        status, body = refusal.code, refusal.read()
    try:
        return status, json.loads(body)
    except ValueError:
        return status, None


class Readiness:
    """Reads /readyz of one web server and remembers when it was last heard of."""

    def __init__(self, base_url: str) -> None:
        self.url = f"{base_url}/readyz"
        self.last_answer_at = time.monotonic()

    def is_ready(self) -> bool:
        """Tell whether the platform says that it is ready."""
        status, _ = self._ask()
        return status == 200

    def take_pulse(self) -> Pulse:
        """Seconds since the web server was heard of, and by its word the worker and the poller."""
        status, answer = self._ask()
        pulse: dict[str, float | None] = {"web": time.monotonic() - self.last_answer_at}
        heartbeats = answer.get("heartbeats") if isinstance(answer, dict) else None
        for name in ("worker", "poller"):
            if not isinstance(heartbeats, dict) or name not in heartbeats:
                continue
            # Without its database the web server knows nothing of the others: that is no silence of theirs.
            if status == 200 or heartbeats[name] is not None:
                pulse[name] = heartbeats[name]
        return pulse

    def _ask(self) -> tuple[int | None, Any]:
        try:
            status, answer = send(urllib.request.Request(self.url, headers={"Accept": "application/json"}))  # noqa: S310
        except OSError:
            return None, None
        self.last_answer_at = time.monotonic()
        return status, answer
