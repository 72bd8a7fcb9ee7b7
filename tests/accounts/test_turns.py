"""The turn to write on SQLite: one thread at a time, given back whatever happens, and never waited for without end."""

import threading

import pytest
from django.db import connection

from accounts import turns


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "some.turn")


def in_a_thread(path):
    """Whether another thread gets the turn now."""
    held = []

    def take():
        with turns.turn(path) as mine:
            held.append(mine)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join(20)
    return held


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(turns, "LONGEST_WAIT_SECONDS", 0.05)


def test_one_thread_at_a_time_has_it_and_the_next_gets_it_afterwards(path):
    with turns.turn(path) as mine:
        assert mine
        assert in_a_thread(path) == [False]

    assert in_a_thread(path) == [True]
    with turns.turn(path) as again:
        assert again


def test_it_is_given_back_when_the_work_fails(path):
    with pytest.raises(ZeroDivisionError), turns.turn(path):
        raise ZeroDivisionError

    assert in_a_thread(path) == [True]


def test_a_wait_ends_when_the_holder_gives_it_back(path, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST_WAIT_SECONDS", 20)
    taken, heard = threading.Event(), []

    def hold():
        with turns.turn(path):
            taken.set()
            heard.append(release.wait(20))

    release = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(20)
    threading.Timer(0.05, release.set).start()

    with turns.turn(path) as mine:
        assert mine
        assert heard == [True]
    holder.join(20)


def test_only_sqlite_in_a_file_needs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "some.sqlite3"))
    with turns.one_writer():
        assert (tmp_path / "some.sqlite3.turn").exists() is (connection.vendor == "sqlite")

    monkeypatch.setitem(connection.settings_dict, "NAME", "file:memory?mode=memory")
    with turns.one_writer():
        pass
