"""Who may: HTTP Basic of staff and of clients, the desk's own login, and the order 401, 404, 403."""

import base64
import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import client_keys, clock, remembering
from accounts.models import AuditRecord, FailureBudget
from codes.models import IssueOrder
from redemption_site.edge import basic as edge
from redemption_site.edge.basic import remembered_pairs
from tests.api.doors import Door, signed_in, stranger
from tests.factories import PASSWORD, make_client, make_site, make_staff, make_user
from tests.protocols.access_codes.conftest import TAGS, Publisher
from tests.protocols.access_codes.publishers import HOST, REDEMPTIONS, basic, program, refusal, told

UNAUTHENTICATED = (401, "Authentication required")


def with_header(header: str) -> Door:
    return Door(HOST, {"Authorization": header})


def encoded(pair: bytes) -> str:
    return base64.b64encode(pair).decode()


class TestWrongCredentials:
    @pytest.mark.parametrize(
        "header",
        [
            *("", "Basic", "Basic ", "Basic x", "Basic !!!!", "Bearer x", "Digest username=x"),
            *(
                f"Basic {encoded(pair)}"
                for pair in (b"", b":", b"a:", b":b", b"no colon", b"\xff\xfe:x", b"a\x00b:c", b"a:b\x00")
            ),
            f"Basic {encoded(b'a:' + b'x' * 2000)}",
            f"Bearer {encoded(b'admin@example.test:' + PASSWORD.encode())}",
        ],
        ids=lambda header: header[:30],
    )
    def test_case_11_are_401_with_a_challenge_and_ask_no_budget(self, publisher: Publisher, header: str):
        response = with_header(header).get(REDEMPTIONS)

        assert refusal(response) == UNAUTHENTICATED
        assert response.headers["WWW-Authenticate"] == 'Basic realm="admin-api"'
        assert FailureBudget.objects.count() == 0

    def test_case_11_none_at_all(self, publisher: Publisher):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            for path in (REDEMPTIONS, "/admin-api/nope/redemptions", "/admin-api/redemptions/x"):
                response = stranger(HOST).send(method, path, TAGS)
                assert refusal(response) == UNAUTHENTICATED
                assert response.headers["WWW-Authenticate"] == 'Basic realm="admin-api"'
        assert publisher.codes() == 0

    def test_a_wrong_password_an_unknown_e_mail_and_a_claimants_own(self, publisher: Publisher):
        make_user(publisher.site, email="claimant@example.test")
        publisher.admin.is_active = False
        gone = make_staff(publisher.site, email="gone@example.test", is_active=False)

        for name, secret in (
            ("admin@example.test", "wrong"),
            ("nobody@example.test", PASSWORD),
            ("claimant@example.test", PASSWORD),
            (gone.email, PASSWORD),
        ):
            assert refusal(program(name, secret).get(REDEMPTIONS)) == UNAUTHENTICATED

    def test_ten_wrong_passwords_lock_the_e_mail_out(self, publisher: Publisher):
        wrong = program("admin@example.test", "wrong")
        assert {wrong.get(REDEMPTIONS).status_code for _ in range(10)} == {401}

        for door in (wrong, publisher.door):
            response = door.get(REDEMPTIONS)
            assert refusal(response) == (429, "Too many attempts")
            assert 1 <= int(response.headers["Retry-After"]) <= 900

    def test_they_are_counted_together_with_those_of_the_sign_in_page(self, publisher: Publisher):
        for _ in range(10):
            program("admin@example.test", "wrong").get(REDEMPTIONS)

        browser = stranger(HOST).browser
        assert not browser.login(username="admin@example.test", password=PASSWORD, request=request_to(HOST))

    def test_right_ones_use_nothing_up(self, publisher: Publisher):
        for _ in range(30):
            assert publisher.door.get(REDEMPTIONS).status_code == 200
            remembered_pairs.clear()

        assert FailureBudget.objects.count() == 0

    def test_nobody_locks_a_client_out_by_its_public_prefix(self, publisher: Publisher):
        new = make_client(publisher.site, ("issue",))
        prefix, secret = new.key.split(".")
        for _ in range(12):
            assert refusal(program(prefix, "x" * 43).get(REDEMPTIONS)) == UNAUTHENTICATED

        assert program(prefix, secret).get(REDEMPTIONS).status_code == 200


def request_to(host: str) -> Any:
    from django.test import RequestFactory

    request = RequestFactory(HTTP_HOST=host).get("/")
    from accounts.models import Site

    request.site = Site.objects.get(domain=host)
    return request


class TestRights:
    def test_case_11_another_sites_administrator(self, publisher: Publisher):
        make_staff(make_site(slug="theirs"), email="theirs@example.test")
        theirs = program("theirs@example.test")

        for method in ("GET", "POST", "PUT", "DELETE"):
            assert refusal(theirs.send(method, REDEMPTIONS, b"[")) == (403, "Not authorized for this site")
        assert theirs.get("/admin-api/theirs/redemptions").status_code == 200
        assert refusal(publisher.door.get("/admin-api/theirs/redemptions")) == (403, "Not authorized for this site")

    @pytest.mark.parametrize("slug", ["nope", "9P2", "%00", "x" * 300, "ü", "9p2%20"])
    def test_case_11_an_unknown_site(self, publisher: Publisher, slug: str):
        for path in ("redemptions", "redemptions/x"):
            assert refusal(publisher.door.get(f"/admin-api/{slug}/{path}")) == (404, "No such site")

    @pytest.mark.parametrize(("role", "status"), [("support", 403), ("operator", 200), ("manager", 200)])
    def test_whoever_may_issue_codes_at_the_desk_may_here(self, publisher: Publisher, role: str, status: int):
        make_staff(publisher.site, email=f"{role}@example.test", role=role)

        assert program(f"{role}@example.test").get(REDEMPTIONS).status_code == status

    def test_a_superuser_administers_every_site(self, publisher: Publisher):
        make_staff(email="root@example.test", is_superuser=True)
        make_site(slug="second")

        assert program("root@example.test").get(REDEMPTIONS).status_code == 200
        assert program("root@example.test").get("/admin-api/second/redemptions").status_code == 200

    @pytest.mark.parametrize(("scopes", "status"), [(("issue",), 200), (("redeem", "read", "manage", "export"), 403)])
    def test_a_client_needs_the_scope_issue(self, publisher: Publisher, scopes: tuple[str, ...], status: int):
        new = make_client(publisher.site, scopes)
        response = program(*new.key.split(".")).post(REDEMPTIONS, TAGS)

        assert response.status_code == status
        if status == 200:
            assert IssueOrder.objects.get().caller == f"client:{new.client.pk}"
            assert AuditRecord.objects.get(action="batch.order").actor_id == new.client.prefix

    def test_a_client_belongs_to_one_site(self, publisher: Publisher):
        door = program(*make_client(make_site(slug="theirs"), ("issue",)).key.split("."))

        assert refusal(door.get(REDEMPTIONS)) == (403, "Not authorized for this site")
        assert told(door.get("/admin-api/redemptions")) == []

    def test_an_expired_client_is_nobody(self, publisher: Publisher):
        new = make_client(publisher.site, ("issue",), expires_at=clock.read() - dt.timedelta(seconds=1))

        assert refusal(program(*new.key.split(".")).get(REDEMPTIONS)) == UNAUTHENTICATED


class TestTheDesksLogin:
    def test_it_counts_with_its_csrf_token(self, publisher: Publisher):
        door = signed_in(publisher.admin, HOST)

        assert len(told(door.post(REDEMPTIONS, TAGS))) == 1
        assert len(told(door.get(f"{REDEMPTIONS}/default"))) == 1

    def test_without_the_token_nothing_can_be_changed(self, publisher: Publisher):
        door = signed_in(publisher.admin, HOST)
        del door.headers["X-CSRFToken"]

        assert refusal(door.post(REDEMPTIONS, TAGS)) == UNAUTHENTICATED
        assert refusal(door.send("DELETE", f"{REDEMPTIONS}/x")) == UNAUTHENTICATED
        assert publisher.codes() == 0

    def test_a_claimants_login_is_none(self, publisher: Publisher):
        assert refusal(signed_in(publisher.reader, HOST).get(REDEMPTIONS)) == UNAUTHENTICATED

    def test_a_header_decides_alone(self, publisher: Publisher):
        door = signed_in(publisher.admin, HOST)
        door.headers |= basic("admin@example.test", "wrong")

        assert refusal(door.post(REDEMPTIONS, TAGS)) == UNAUTHENTICATED


class TestRemembering:
    def test_a_verified_pair_costs_nothing_for_five_seconds(
        self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
    ):
        moment = [1000.0]
        monkeypatch.setattr(remembering.time, "monotonic", lambda: moment[0])
        calls: list[str] = []
        verify = edge.verify
        monkeypatch.setattr(edge, "verify", lambda *args: (calls.append(args[1]), verify(*args))[1])

        for seconds, expected in ((0, 1), (4.9, 1), (0.2, 2), (4.9, 2)):
            moment[0] += seconds
            assert publisher.door.get(REDEMPTIONS).status_code == 200
            assert len(calls) == expected

    def test_a_changed_password_and_a_revoked_client_are_dead_after_it(self, publisher: Publisher):
        new = make_client(publisher.site, ("issue",))
        client = program(*new.key.split("."))
        assert client.get(REDEMPTIONS).status_code == publisher.door.get(REDEMPTIONS).status_code == 200
        client_keys.revoke(new.client, actor_id="staff")
        publisher.admin.set_password("another long one")
        publisher.admin.save()
        remembered_pairs.found = type(remembered_pairs.found)(
            (digest, (at - 5, who)) for digest, (at, who) in remembered_pairs.found.items()
        )

        assert refusal(client.get(REDEMPTIONS)) == refusal(publisher.door.get(REDEMPTIONS)) == UNAUTHENTICATED

    def test_wrong_pairs_are_not_remembered_and_no_secret_is_kept(self, publisher: Publisher):
        program("admin@example.test", "wrong").get(REDEMPTIONS)
        assert not remembered_pairs.found
        publisher.door.get(REDEMPTIONS)

        assert PASSWORD not in repr(remembered_pairs.found)
        with CaptureQueriesContext(connection) as made:
            publisher.door.get(REDEMPTIONS)
        assert len(made) == 2

    def test_a_programs_parallel_requests_are_verified_once(self):
        calls, release = [], threading.Event()

        def verify(*args: Any) -> edge.Administrator:
            calls.append(args)
            release.wait(5)
            return edge.Administrator("user:1", "u-1")

        threads = [threading.Thread(target=remembered_pairs.find, args=(verify, "a", "b")) for _ in range(20)]
        for thread in threads:
            thread.start()
        release.set()
        for thread in threads:
            thread.join()
        assert len(calls) == 1
