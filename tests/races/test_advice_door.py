"""Tills that report at one moment, to a server without a broker, and to one whose database is cut off."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, connections
from psycopg import sql

from codes.advice.draining import drain
from codes.models import Advice, Code, PendingAdvice
from deploy.local.processes import wait_until
from tests.advice import make_venue
from tests.factories import make_code, make_site
from tests.processes import Platform, WebServer
from tests.protocols.advice.tills import HEADER, JSON, PATH, SEED_KEY, XML, as_json, as_xml, encoded, register, seed
from tests.races.crowd import Line, each_at_once

pytestmark = pytest.mark.races
TILLS = 20
FAILED = b'{"error":"server_error","error_description":"The request could not be processed."}'


def report(line: Line, body: bytes, form: str = JSON, key: str = SEED_KEY) -> tuple[int, bytes, dict[str, str]]:
    """Send a report over a kept connection; status, body and headers of the answer."""
    line.connection.request("POST", PATH, body, {"Host": "localhost", "Content-Type": form, HEADER: key})
    response = line.connection.getresponse()
    return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}


def ask(server: WebServer, body: bytes) -> tuple[int, bytes, dict[str, str]]:
    line = Line(server.port)
    try:
        return report(line, body)
    finally:
        line.close()


def test_case_31_20_tills_report_one_code_at_once_and_one_use_is_taken(guarded):
    """Half of them in XML; and four drains judge them at one moment. The invariants are proved on leaving."""
    with guarded:
        register(guarded.site, "till of the race")
        make_venue(guarded.site, "921")
        code, text = guarded.code()
        key = encoded("till of the race")
        json, xml = as_json(seed(redemptionText=text)), as_xml(seed(redemptionText=text))

        def till(number: int):
            body, form = (json, JSON) if number % 2 else (xml, XML)
            return lambda line: report(line, body, form, key)[:2]

        heard = each_at_once(guarded.web.port, [till(number) for number in range(TILLS)])
        assert heard == [(202, b"")] * TILLS

        each_at_once(guarded.web.port, [lambda _: drain()] * 4)
        drain()
        advices = Advice.objects.filter(site=guarded.site)
        assert Counter(advices.values_list("outcome", flat=True)) == {"redeemed": 1, "already_used": TILLS - 1}
        assert not PendingAdvice.objects.exists()
        code.refresh_from_db()
        assert (code.redemptions, code.state) == (1, "used_up")


@pytest.fixture
def shop(platform: Platform) -> Iterator[WebServer]:
    """A web server, and no broker, over a database with one till, one venue and one code."""
    if connection.vendor != "postgresql":
        pytest.skip("the other races' database")
    site = make_site()
    register(site)
    make_venue(site)
    make_code(site)
    return platform.web(workers=1)


def test_case_28_without_a_broker_reports_are_taken_and_judged_later(shop: WebServer, platform: Platform):
    for _ in range(3):
        status, body, headers = ask(shop, as_json(seed()))
        assert (status, body, headers["content-length"]) == (202, b"", "0")
    assert PendingAdvice.objects.count() == 3

    platform.poller()

    assert wait_until(lambda: not PendingAdvice.objects.exists(), seconds=30)
    assert Counter(Advice.objects.values_list("outcome", flat=True)) == {"redeemed": 1, "already_used": 2}
    assert Code.objects.get().redemptions == 1


def test_case_29_a_database_that_is_cut_off_is_500_and_nothing_was_kept(shop: WebServer, platform: Platform):
    assert ask(shop, as_json(seed()))[0] == 202
    connections.close_all()
    with cut_off(platform.database.name):
        for body in (as_json(seed()), as_json(seed("externalVenueId"))):
            status, told, headers = ask(shop, body)
            assert (status, told) == (500, FAILED)
            assert (headers["cache-control"], headers["pragma"]) == ("no-store", "no-cache")
            assert headers["content-type"] == JSON

    assert ask(shop, as_json(seed()))[0] in (202, 500)  # A connection is believed to live for a second.
    assert wait_until(lambda: ask(shop, as_json(seed()))[0] == 202, seconds=10)
    drain()
    assert Counter(Advice.objects.values_list("outcome", flat=True))["redeemed"] == 1
    assert Code.objects.get().redemptions == 1


@contextmanager
def cut_off(name: str) -> Iterator[None]:
    """The database ends every connection and takes no new one, until the block ends."""
    where = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"],
        port=where["PORT"],
        user=where["USER"],
        password=where["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as server:
        switch = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        server.execute(switch.format(sql.Identifier(name), sql.SQL("false")))
        try:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            server.execute(switch.format(sql.Identifier(name), sql.SQL("true")))
