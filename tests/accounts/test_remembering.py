"""Credentials that were right are believed for five seconds and no longer; wrong ones never are."""

import threading
from typing import Any

import pytest

from accounts import remembering
from accounts.remembering import Remembered


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [1000.0]
    monkeypatch.setattr(remembering.time, "monotonic", lambda: seconds[0])
    return seconds


class Verifier:
    """Counts how often it was asked."""

    def __init__(self, answer: Any = "somebody") -> None:
        self.answer = answer
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *credential: str) -> Any:
        self.asked.append(credential)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_what_was_right_is_verified_again_after_five_seconds(moment: list[float]):
    remembered, verifier = Remembered("a test"), Verifier()

    for seconds, times in ((0, 1), (4.9, 1), (0.1, 2), (4.9, 2)):
        moment[0] += seconds
        assert remembered.find(verifier, "name", "secret") == "somebody"
        assert len(verifier.asked) == times


def test_the_five_seconds_begin_before_the_look(moment: list[float]):
    remembered = Remembered("a test")

    def slow(*_: str) -> str:
        moment[0] += 3
        return "somebody"

    remembered.find(slow, "a")
    moment[0] += 2
    verifier = Verifier()
    remembered.find(verifier, "a")
    assert verifier.asked == [("a",)]


def test_what_was_wrong_is_not_remembered():
    remembered, verifier = Remembered("a test"), Verifier(PermissionError())

    for _ in range(2):
        with pytest.raises(PermissionError):
            remembered.find(verifier, "a")
    assert len(verifier.asked) == 2
    assert not remembered.found


def test_what_has_become_wrong_is_forgotten(moment: list[float]):
    remembered = Remembered("a test")
    remembered.find(Verifier(), "a")
    moment[0] += 5

    with pytest.raises(PermissionError):
        remembered.find(Verifier(PermissionError()), "a")
    assert not remembered.found


def test_nothing_of_a_credential_is_kept_and_parts_do_not_run_together():
    remembered, verifier = Remembered("a test"), Verifier()
    remembered.find(verifier, "name", "a secret")
    remembered.find(verifier, "nam", "ea secret")

    assert len(verifier.asked) == 2
    assert "secret" not in repr(remembered.found)


def test_the_oldest_gives_way_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Remembered, "MOST", 2)
    remembered, verifier = Remembered("a test"), Verifier()

    for name in ("a", "b", "c", "b", "a"):
        remembered.find(verifier, name)
    assert verifier.asked == [("a",), ("b",), ("c",), ("a",)]


@pytest.mark.parametrize(("one_at_a_time", "times"), [(True, 1), (False, 8)])
def test_equal_ones_at_once_are_verified_once_where_asked_for(one_at_a_time: bool, times: int):
    remembered, asked = Remembered("a test", one_at_a_time=one_at_a_time), []
    together = threading.Barrier(8)
    release = threading.Event()

    def verify(_: str) -> str:
        asked.append(1)
        if not one_at_a_time:
            together.wait(10)  # All eight are in here at once.
        release.wait(10)
        return "somebody"

    threads = [threading.Thread(target=remembered.find, args=(verify, "a")) for _ in range(8)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert len(asked) == times
