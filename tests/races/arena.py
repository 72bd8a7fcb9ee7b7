"""A committed copy of the database with real processes over it, a site, and a till that the clients redeem through."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from celery import Celery
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client as Browser
from django.test import override_settings

from accounts.models import Site, User
from codes import formats, issuing
from codes.models import Batch, Code
from deploy.local.processes import Process
from ledger import balances
from ledger.models import LedgerAccount
from tests import database_copies
from tests.committed import CommittedDatabase
from tests.factories import make_claimant, make_client, make_site, new_batch
from tests.processes import Platform, WebServer
from tests.races import guards
from tests.races.crowd import Answer, Ask, all_at_once

CROWD = 64
REDEMPTIONS = "/api/v1/redemptions"
SCOPES = ("redeem", "reverse", "read", "issue", "manage", "assign")
HOST = "races.localhost"
TOKEN = "t" * 32


def violations() -> str:
    """What ``manage.py check_invariants`` complains of in the database; nothing if it exits with 0."""
    said = io.StringIO()
    try:
        call_command("check_invariants", stdout=said)
    except CommandError as error:
        return f"{said.getvalue()}{error}"
    return ""


class Arena:
    """Where a race is run. ``with arena:`` makes it the database of this process; leaving proves the invariants.

    Both arenas of the tests are alike, but in the unguarded one the guards have been taken out, and its pauses are longer.
    """

    def __init__(self, database: CommittedDatabase, folder: Path, *, guarded: bool) -> None:
        self.database = database
        self.guarded = guarded
        self.platform = Platform(database, folder)
        self.codes_made = 0
        with self.connected():
            guards.widen(guards.PAUSE_SECONDS if guarded else guards.UNGUARDED_PAUSE_SECONDS)
            if not guarded:
                guards.take_out()
            # Before any web server looks: each remembers for five seconds which sites there are.
            self.site: Site = make_site(slug="races", domain=HOST)
            self.key = make_client(self.site, SCOPES).key
            # So that what an unguarded arena complains of later is about its rows.
            assert violations() == ""

    @contextmanager
    def connected(self) -> Iterator[None]:
        """This process's connections lead to the arena's database, and its guards are the arena's."""
        where = connections["default"].settings_dict
        before = where["NAME"]
        connections.close_all()
        where["NAME"] = self.database.name
        try:
            with override_settings(DEFECTS=frozenset() if self.guarded else guards.DEFECTS):
                yield
        finally:
            connections.close_all()
            where["NAME"] = before

    def __enter__(self) -> "Arena":
        self._connected = self.connected()
        self._connected.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if self.guarded and kind is None:
                assert violations() == "", "an invariant does not hold"
        finally:
            self._connected.__exit__(None, None, None)

    @contextmanager
    def under(self, settings_module: str) -> Iterator[None]:
        """Processes that are started now have other settings than the tests' own."""
        self.platform.variables["DJANGO_SETTINGS_MODULE"] = settings_module
        try:
            yield
        finally:
            del self.platform.variables["DJANGO_SETTINGS_MODULE"]

    @cached_property
    def web(self) -> WebServer:
        return self.platform.web()

    @cached_property
    def worker(self) -> Process:
        """A Celery worker: two processes that take tasks, and write the mails they send to files."""
        with self.under("tests.races.mail_to_files"):
            return self.platform.worker()

    @cached_property
    def tasks(self) -> Celery:
        """A way to the broker that the workers listen to."""
        assert self.worker.is_running
        app = Celery(set_as_current=False)
        # Not broker_url, over which Celery lets the environment's CELERY_BROKER_URL win.
        app.conf.broker_write_url = self.platform.environment["CELERY_BROKER_URL"]
        return app

    def ring(self, task: str, *arguments: Any, times: int = 1) -> None:
        """Tell the workers ``times`` times that there is work."""
        for _ in range(times):
            self.tasks.send_task(task, args=arguments, ignore_result=True)

    @cached_property
    def claimants(self) -> list[User]:
        """As many claimants as there are clients, each with an account in EUR."""
        return [self.claimant() for _ in range(CROWD)]

    def claimant(self, balance: int = 0) -> User:
        """A fresh claimant."""
        return make_claimant(self.site, balance=balance)

    def texts(self, count: int) -> list[str]:
        """Codes that nobody has issued yet, as a claimant would type them."""
        return formats.draw_ours(count, "")

    def codes(self, count: int, **fields: Any) -> tuple[Batch, list[str]]:
        """A fresh batch of codes worth 5 EUR, and how they read; ``fields`` are NewBatch's."""
        self.codes_made += 1
        texts = self.texts(count)
        new = new_batch(self.site, name=f"race {self.codes_made}", **{"worth_cents": 500, **fields})
        return issuing.issue_supplied(new, texts), texts

    def code(self, **fields: Any) -> tuple[Code, str]:
        """A fresh code in a batch of its own, and how it reads."""
        batch, [text] = self.codes(1, **fields)
        return Code.objects.get(batch=batch), text

    def balance(self, user: User) -> int:
        return balances.balance(LedgerAccount.objects.get(owner=user, kind="cash"))

    def ask(self, method: str, path: str, body: dict[str, Any], key: str | None = None) -> Ask:
        """A request of the till, with an idempotency key or none."""
        headers = {"Host": HOST, "Authorization": f"Bearer {self.key}"}
        return Ask(method, path, body, headers | ({"Idempotency-Key": key} if key else {}))

    def redeem(self, text: str, claimant: User, key: str | None = None) -> Ask:
        return self.ask("POST", REDEMPTIONS, {"code": text, "claimant_id": claimant.claimant_id}, key)

    def hand_out(self, batch: Batch, claimant: User, key: str | None = None) -> Ask:
        return self.ask("POST", f"/api/v1/batches/{batch.pk}/assignments", {"claimant_id": claimant.claimant_id}, key)

    def reverse(self, transaction_id: str, key: str | None = None, *, give_use_back: bool = False) -> Ask:
        body = {"reason": "a race", "give_use_back": give_use_back}
        return self.ask("POST", f"{REDEMPTIONS}/{transaction_id}/reversal", body, key)

    def redeem_signed_in(self, text: str, user: User) -> Ask:
        """The same from a browser in which the claimant has signed in."""
        browser = Browser()
        browser.force_login(user)
        cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={TOKEN}"
        headers = {"Host": HOST, "Cookie": cookies, "X-CSRFToken": TOKEN}
        return Ask("POST", REDEMPTIONS, {"code": text, "claimant_id": user.claimant_id}, headers)

    def all_at_once(self, asks: Sequence[Ask]) -> list[Answer]:
        """Every request at one moment; every one must be answered, and none by a 5xx."""
        answers = [answer for answer in all_at_once(self.web.port, asks) if answer]
        assert len(answers) == len(asks), self.web.last_words(40)
        if self.guarded:
            assert max(answer.status for answer in answers) < 500, self.web.last_words(40)
        return answers

    def end(self) -> None:
        """End every process and drop the database."""
        self.platform.end()
        database_copies.drop(self.database.name)
