"""The platform over HTTP: the web server as the demo starts it, and the load generator against it."""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from bench.grounds import Ground, Slice
from deploy.local import ports, programs
from deploy.local.processes import Process, run_step, wait_until
from deploy.local.readiness import send
from deploy.local.trouble import Trouble

SECONDS_TO_START = 60
WARM_UP_EACH = 20
SETTINGS = "redemption_site.settings"


class Web:
    """A web server over one ground, with its default settings unless told others; ``with`` starts and ends it."""

    def __init__(self, ground: Ground, settings: str = SETTINGS) -> None:
        self.ground = ground
        self.port = ports.find_free()
        self.workers = programs.web_workers(ground.environment)
        self.process = Process(
            "web",
            programs.web_command(self.port, self.workers, Path(sys.executable)),
            log=ground.folder / "web.log",
            env={**ground.environment, "DJANGO_SETTINGS_MODULE": settings},
        )

    def __enter__(self) -> "Web":
        self.process.start()
        wait_until(lambda: self.answers() or not self.process.is_running, SECONDS_TO_START)
        if not self.answers():
            self.process.kill()
            raise Trouble(f"The web server did not start; its log ends:\n{self.process.last_words(40)}")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()

    def answers(self) -> bool:
        try:
            return send(urllib.request.Request(f"http://{ports.HOST}:{self.port}/healthz"))[0] == 200
        except OSError:
            return False

    def load(self, codes: Slice, *, clients: int, seconds: float, same: bool = False) -> dict[str, Any]:
        """Redeem over ``clients`` kept connections; raises Trouble if any answer was not 201."""
        heard = self.ask(codes, clients, seconds, 201, key=self.ground.facts["key"], same=same)
        self.ground.redeemed += heard["used"]
        return heard

    def report(self, codes: Slice, path: str, key: str, *, clients: int, seconds: float) -> dict[str, Any]:
        """Report each code at ``path`` as used, as a till does; raises Trouble if any answer was not 202."""
        return self.ask(codes, clients, seconds, 202, key=key, report_to=path)

    def hand_out(self, codes: Slice, *, batch_id: int | None, clients: int, seconds: float) -> dict[str, Any]:
        """Have as many codes of the batch handed out, likewise."""
        return self.ask(codes, clients, seconds, 201, key=self.ground.facts["key"], batch=batch_id)

    def ask(self, codes: Slice, clients: int, seconds: float, good: int, **more: Any) -> dict[str, Any]:
        arguments = {
            "host": ports.HOST,
            "port": self.port,
            "group": self.process.pid,
            "database": self.ground.server_pid,
            "claimants": self.ground.facts["claimants"],
            "clients": clients,
            "seconds": seconds,
            "warm_up": clients * WARM_UP_EACH,
            "good": good,
            **vars(codes),
            **more,
        }
        printed = run_step(
            "the load generator",
            [sys.executable, "-m", "bench.load", json.dumps(arguments)],
            env=self.ground.environment,
            log=self.ground.folder / "load.log",
        )
        heard: dict[str, Any] = json.loads(printed.splitlines()[-1])
        answered = heard["statuses"].pop(str(good), 0)
        if heard["statuses"]:
            raise Trouble(
                f"Not every answer was {good}: {heard['statuses']}; the first of them:\n{heard['first_failure']}"
            )
        return {**heard, "used": answered}
