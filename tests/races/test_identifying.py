"""Identifying at the same moment: one visitor, one link, ten looks at a secret, and nothing stored by a secret that is gone."""

import threading
import time
from collections import Counter

import pytest

from accounts import identifying, persons
from accounts.identifying import NotIdentified, TooManyFailures, identify
from accounts.models import FailureBudget, Person, PersonType, StoredIdentification, Visitor, VisitorPerson
from tests.factories import make_user
from tests.people import EMAIL, SECRET, characteristic, make_person, make_person_type, make_settings

pytestmark = pytest.mark.races
BURST = 40
EQUAL = 16  # They wait for each other, and a lock is waited for two seconds at most.


def kind_of(arena) -> PersonType:
    found = PersonType.objects.filter(site=arena.site, number=1).first()
    if found is None:
        make_settings(arena.site)
        found = make_person_type(arena.site)
    return found


def somebody(arena, name: str) -> Person:
    return make_person(kind_of(arena), {EMAIL: f"{name}@example.test", SECRET: "right"}, make_user(arena.site))


def ask(arena, name: str, unique_id: str, secret: str = "right"):
    values = f"{name}@example.test¶{secret}"
    return lambda: identify(arena.site, person_type=1, unique_id=unique_id, values=values, separator="¶")


def test_first_calls_of_one_visitor_make_one_visitor_who_is_one_person(unguarded, guarded):
    def race(arena):
        people = [somebody(arena, f"p{number}") for number in range(8)]
        deeds = [ask(arena, f"p{number}", "everybody") for number in range(8)]
        heard = arena.database.together(*deeds)
        return people, heard, Visitor.objects.filter(unique_id="everybody").count()

    with unguarded:
        _, _, made = race(unguarded)
        assert made > 1

    with guarded:
        people, heard, made = race(guarded)
        assert (heard, made) == (people, 1)
        links = VisitorPerson.objects.filter(visitor__unique_id="everybody")
        assert {each.person for each in links} == set(people)
        assert StoredIdentification.objects.get(visitor__unique_id="everybody").person == links.get(until=None).person


def test_equal_first_calls_are_all_answered_and_link_once(guarded):
    with guarded:
        person = somebody(guarded, "same")
        heard = guarded.database.together(*[ask(guarded, "same", "one and the same")] * EQUAL)

        assert heard == [person] * EQUAL
        assert VisitorPerson.objects.filter(person=person).count() == 1
        assert not FailureBudget.objects.filter(scope=of_address(guarded, "same")).exists()


def of_address(arena, name: str) -> bytes:
    return identifying.of_value(arena.site, characteristic(arena.site, EMAIL), f"{name}@example.test").scope


def test_a_burst_of_wrong_secrets_gets_ten_looks(unguarded, guarded, monkeypatch):
    looks: list[str] = []
    right = identifying.knows
    monkeypatch.setattr(identifying, "knows", lambda hashed, value: looks.append(value) or right(hashed, value))

    def race(arena, by: str):
        somebody(arena, f"guessed-{by}")
        looks.clear()
        deeds = [
            ask(arena, f"guessed-{by}", "one" if by == "visitor" else f"v{number}", f"guess {number}")
            for number in range(BURST)
        ]
        return Counter(type(each) for each in arena.database.together(*deeds)), len(looks)

    with unguarded:
        assert race(unguarded, "visitor")[1] > identifying.FAILURES

    with guarded:
        for by in ("visitor", "address"):
            heard, looked = race(guarded, by)
            assert heard == {NotIdentified: identifying.FAILURES, TooManyFailures: BURST - identifying.FAILURES}
            assert looked == identifying.FAILURES


@pytest.mark.parametrize("ended_by", ["a new secret", "switching off"])
def test_nothing_stays_stored_of_a_person_who_changes_meanwhile(unguarded, guarded, monkeypatch, ended_by):
    right, judged = identifying.is_still, threading.Event()

    def pausing(*facts):
        answer = right(*facts)
        judged.set()
        time.sleep(0.3)  # Between what was judged and what is written, so that without a lock the other gets in.
        return answer

    monkeypatch.setattr(identifying, "is_still", pausing)

    def end(arena, person):
        assert judged.wait(10)
        words = {"actor_id": "staff", "reason": "a race"}
        if ended_by == "switching off":
            return persons.switch_off(person, **words)
        return persons.set_secret(person, characteristic(arena.site, SECRET), "new", **words)

    def race(arena) -> int:
        """How much stays."""
        judged.clear()
        name = ended_by.replace(" ", "-")
        person = somebody(arena, name)
        characteristic(arena.site, SECRET)
        identified, ended = arena.database.together(ask(arena, name, name), lambda: end(arena, person))
        assert identified == person
        assert not isinstance(ended, Exception), ended
        return StoredIdentification.objects.filter(person=person).count()

    with unguarded:
        assert race(unguarded) == 1

    with guarded:
        assert race(guarded) == 0
