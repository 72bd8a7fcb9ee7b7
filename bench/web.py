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


class Web:
    """A web server over one ground, with its default settings; ``with`` starts and ends it."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.port = ports.find_free()
        self.workers = programs.web_workers(ground.environment)
        self.process = Process(
            "web",
            programs.web_command(self.port, self.workers, Path(sys.executable)),
            log=ground.folder / "web.log",
            env=ground.environment,
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
        heard = self.heard(codes, clients=clients, seconds=seconds, same=same)
        self.ground.redeemed += heard["used"]
        return heard

    def hand_out(self, codes: Slice, *, batch_id: int | None, clients: int, seconds: float) -> dict[str, Any]:
        """Have as many codes of the batch handed out, likewise."""
        return self.heard(codes, clients=clients, seconds=seconds, same=False, batch=batch_id)

    def heard(self, codes: Slice, *, clients: int, seconds: float, **more: Any) -> dict[str, Any]:
        arguments = {
            "host": ports.HOST,
            "port": self.port,
            "group": self.process.pid,
            "database": self.ground.server_pid,
            "key": self.ground.facts["key"],
            "claimants": self.ground.facts["claimants"],
            "clients": clients,
            "seconds": seconds,
            "warm_up": clients * WARM_UP_EACH,
            **more,
            **vars(codes),
        }
        printed = run_step(
            "the load generator",
            [sys.executable, "-m", "bench.load", json.dumps(arguments)],
            env=self.ground.environment,
            log=self.ground.folder / "load.log",
        )
        heard: dict[str, Any] = json.loads(printed.splitlines()[-1])
        good = heard["statuses"].pop("201", 0)
        if heard["statuses"]:
            raise Trouble(
                f"Not every answer was 201: {heard['statuses']}; the first of them:\n{heard['first_failure']}"
            )
        return {**heard, "used": good}
