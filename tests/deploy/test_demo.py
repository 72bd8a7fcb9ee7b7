"""What the demo prints, and how it reads the state of what it started."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.local import programs, suite
from deploy.local.checks import Step
from deploy.local.readiness import Readiness
from deploy.local.trouble import Trouble
from deploy.local.welcome import Welcome, request_of

FACTS = {
    "staff": {"email": "staff@example.test", "password": "one"},
    "claimant": {"email": "claimant@example.test", "password": "two", "claimant_id": 'u-1\'; rm -rf "$HOME"'},
    "client_key": "rk0.a'b c",
    "codes": [
        {"kind": "single use", "code": "ABC-E6W5F"},
        {"kind": "ten uses", "code": "X"},
        {"kind": "tag", "code": "Y"},
    ],
}


@contextmanager
def answering(status: int, body: Any) -> Iterator[str]:
    """A web server that gives everybody this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_the_printed_line_is_the_request_whatever_the_words_in_it_are() -> None:
    welcome = Welcome.read(8123, "a line of log\n" + json.dumps(FACTS) + "\n")

    request = request_of(welcome.curl_line())

    assert request.full_url == "http://127.0.0.1:8123/api/v1/redemptions"
    assert request.method == "POST"
    assert dict(request.header_items()) == {"Authorization": "Bearer rk0.a'b c", "Content-type": "application/json"}
    assert isinstance(request.data, bytes)
    assert json.loads(request.data) == {"code": "ABC-E6W5F", "claimant_id": 'u-1\'; rm -rf "$HOME"'}


def test_the_greeting_holds_everything_a_person_needs() -> None:
    welcome = Welcome.read(8123, json.dumps(FACTS))

    text = welcome.text()

    wanted = [
        "http://demo.localhost:8123/",
        "/admin/",
        "staff@example.test",
        "claimant@example.test",
        welcome.curl_line(),
    ]
    assert all(words in text for words in [*wanted, *(code["code"] for code in welcome.codes)])


@pytest.mark.parametrize("printed", ["", "no JSON", "{}", "[]"])
def test_seeds_that_say_something_else_are_refused(printed: str) -> None:
    with pytest.raises(Trouble, match="load_demo"):
        Welcome.read(8123, printed)


def test_heartbeats_are_taken_from_what_readyz_says() -> None:
    with answering(200, {"status": "ok", "heartbeats": {"worker": 2.5, "poller": None}}) as base_url:
        readiness = Readiness(base_url)

        assert readiness.is_ready()
        assert readiness.take_pulse() == {"web": pytest.approx(0, abs=1), "worker": 2.5, "poller": None}


def test_without_its_database_the_web_server_accuses_nobody() -> None:
    with answering(503, {"status": "down", "heartbeats": {"worker": 31.0, "poller": None}}) as base_url:
        readiness = Readiness(base_url)

        assert not readiness.is_ready()
        assert readiness.take_pulse() == {"web": pytest.approx(0, abs=1), "worker": 31.0}


def test_a_web_server_that_does_not_answer_falls_silent() -> None:
    readiness = Readiness("http://127.0.0.1:9")
    readiness.last_answer_at -= 40

    assert readiness.take_pulse() == {"web": pytest.approx(40, abs=2)}


def test_what_the_person_set_is_kept_but_the_demo_stays_a_demo() -> None:
    given = {"DATABASE_URL": "postgres://a/b", "CELERY_BROKER_URL": "redis://c", "MODE": "production", "HOME": "/home"}

    environment = programs.demo_environment(Path("/data"), given)

    assert environment.items() >= {**given, "MODE": "demo", "VAR_DIR": "/data", "PYTHONUNBUFFERED": "1"}.items()
    assert not programs.uses_sqlite(environment)
    assert programs.uses_sqlite({})


@pytest.mark.parametrize(("code", "passed"), [(0, True), (1, False), (5, False)])
def test_a_step_that_failed_or_tested_nothing_has_not_passed(
    code: int, passed: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    step = Step("a step", ["sh", "-c", f"exit {code}"])

    assert suite._run(step).passed == passed
    assert ("FAILED" in capfd.readouterr().out) != passed
