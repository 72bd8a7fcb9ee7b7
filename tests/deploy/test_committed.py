"""The databases that tests commit into: each test's own, pristine, shared with threads and child processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection, connections

from accounts.models import Heartbeat
from ledger import triggers
from tests import database_copies, migrated
from tests.committed import CommittedDatabase


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_that_commits_begins_with_an_empty_database(committed_db: CommittedDatabase, turn: int) -> None:
    assert not Heartbeat.objects.exists()

    Heartbeat.objects.create(process=f"turn {turn}", beaten_at="2026-01-01T00:00:00Z")


def test_threads_see_what_was_committed_and_commit_to_the_same_database(committed_db: CommittedDatabase) -> None:
    def beat() -> int:
        before = Heartbeat.objects.filter(process="before").count()
        Heartbeat.objects.create(process=f"thread on {id(connections['default'])}", beaten_at="2026-01-01T00:00:00Z")
        return before

    def stumble() -> None:
        raise LookupError("a deed that fails")

    Heartbeat.objects.create(process="before", beaten_at="2026-01-01T00:00:00Z")

    first, second, third = committed_db.together(beat, beat, stumble)

    assert (first, second) == (1, 1)
    assert isinstance(third, LookupError)
    assert Heartbeat.objects.count() == 3


def test_a_child_process_is_led_to_the_same_database(committed_db: CommittedDatabase) -> None:
    Heartbeat.objects.create(process="parent", beaten_at="2026-01-01T00:00:00Z")
    ask = "import django; django.setup(); from accounts.models import Heartbeat; print(Heartbeat.objects.get().process)"

    printed = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "DATABASE_URL": committed_db.url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert printed.strip() == "parent"


def test_other_tests_do_not_see_what_was_committed(db: None) -> None:
    assert not Heartbeat.objects.exists()
    assert "pristine" not in connection.settings_dict["NAME"]


def test_what_is_written_on_a_database_is_not_on_its_copy(committed_db: CommittedDatabase) -> None:
    copied = f"{committed_db.name}_copy"
    assert database_copies.mark_of(committed_db.name) == ""
    database_copies.mark(committed_db.name, "it's this")

    database_copies.copy(committed_db.name, copied)

    assert database_copies.mark_of(committed_db.name) == "it's this"
    assert database_copies.mark_of(copied) == ""
    database_copies.drop(copied)
    assert database_copies.mark_of("there is no such database") == ""


def test_every_change_of_our_source_asks_for_a_database_migrated_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    read, path = Path.read_bytes, Path(triggers.__file__)
    before = migrated.digest()
    assert migrated.digest() == before

    monkeypatch.setattr(Path, "read_bytes", lambda file: read(file) + (b"#" if file == path else b""))

    assert migrated.digest() != before
