"""The processes that other tests talk to are real, share the test's database, and can be killed and started again."""

import urllib.request

from deploy.local.processes import wait_until
from deploy.local.readiness import Readiness, send
from tests.processes import Platform


def test_the_processes_work_on_the_database_of_the_test(platform: Platform) -> None:
    web = platform.web(workers=1)
    worker = platform.worker()
    poller = platform.poller()

    readiness = Readiness(str(web))

    assert wait_until(lambda: readiness.take_pulse().get("poller") is not None, seconds=30), poller.last_words()
    assert readiness.is_ready()
    assert worker.is_running


def test_a_web_server_that_was_killed_comes_back_at_its_address(platform: Platform) -> None:
    web = platform.web(workers=1)
    first = web.pid

    web.kill()

    assert not web.answers()
    web.start()
    assert wait_until(web.answers, seconds=30), web.last_words()
    assert web.pid != first
    assert send(urllib.request.Request(f"{web}/healthz")) == (200, {"status": "ok"})
