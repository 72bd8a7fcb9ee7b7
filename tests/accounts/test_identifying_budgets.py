"""Ten failures in 15 minutes, for a visitor and for a readable value; and how long what is stored lasts."""

import pytest

from accounts import identifying, persons, tidying, visiting
from accounts.identifying import NotIdentified, TooManyFailures, identify
from accounts.models import FailureBudget, Site, StoredIdentification, Visitor, VisitorPerson
from tests.factories import make_site
from tests.people import (
    ADDRESS,
    BOTH,
    CARD,
    EMAIL,
    PASSWORD_VALUE,
    SECRET,
    characteristic,
    make_person,
    make_person_type,
    make_settings,
    make_shop,
)

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture
def looks(monkeypatch):
    """The secrets that were looked at."""
    seen = []
    right = identifying.knows
    monkeypatch.setattr(identifying, "knows", lambda hashed, value: seen.append(value) or right(hashed, value))
    return seen


def ask(site, values=BOTH, unique_id="visitor-0001", **fields):
    given = {"person_type": 1, "separator": "¶", **fields}
    return identify(site, unique_id=unique_id, values=values, **given)


def told(site, values=BOTH, unique_id="visitor-0001", **fields):
    """The person, "nobody", or how many seconds to wait."""
    try:
        return ask(site, values, unique_id, **fields)
    except NotIdentified:
        return "nobody"
    except TooManyFailures as refused:
        return refused.seconds


class TestTenFailures:
    def test_of_one_visitor_are_all_there_are(self, shop, looks, settings):
        site, _, person = shop
        wrong = [told(site, f"nobody{number}@example.test¶x") for number in range(10)]
        waits = told(site, "nobody10@example.test¶x"), told(site), told(site, None)

        assert wrong == ["nobody"] * 10
        assert all(880 < wait <= 900 for wait in waits), waits
        assert len(looks) == 10
        assert told(site, unique_id="visitor-0002") == person
        settings.CLOCK_OFFSET_SECONDS = 880
        assert 0 < told(site) <= 20
        settings.CLOCK_OFFSET_SECONDS = 901
        assert told(site) == person

    def test_for_one_address_are_all_there_are_however_many_visitors_ask(self, shop, looks, settings):
        site, _, person = shop
        wrong = [told(site, f"{ADDRESS.upper()}¶guess {number}", f"visitor-{number}") for number in range(10)]

        assert wrong == ["nobody"] * 10
        assert 880 < told(site, unique_id="visitor-new") <= 900
        assert len(looks) == 10
        settings.CLOCK_OFFSET_SECONDS = 901
        assert told(site) == person

    def test_for_one_secret_are_not_counted(self, shop):
        """Or anybody could ask whether somebody else has it, and one common secret would keep all out who share it."""
        site, kind, _ = shop
        make_person(kind, {EMAIL: "other@example.test", SECRET: "common"})

        for number in range(11):
            assert told(site, f"nobody{number}@example.test¶common", f"visitor-{number}") == "nobody"
        assert told(site, "other@example.test¶common") != "nobody"

    def test_leave_other_sites_and_visitors_alone(self, shop):
        site, _, _ = shop
        there, _, other = make_shop()
        for _ in range(11):
            told(site, f"{ADDRESS}¶wrong")

        assert told(there) == other

    @pytest.mark.parametrize("values", [None, f"{ADDRESS}¶a¶b", "a\x00¶b"])
    def test_without_a_look_count_for_the_visitor_too(self, shop, values):
        site, _, _ = shop

        assert [told(site, values) for _ in range(10)] == ["nobody"] * 10
        assert told(site) > 880
        assert told(site, values) > 880

    def test_that_are_refused_before_identification_are_none(self, shop):
        site, _, person = shop
        for _ in range(11):
            with pytest.raises(identifying.SeparatorMissing):
                ask(site, "nothing between")
            with pytest.raises(identifying.PersonTypeUnusable):
                ask(site, person_type=9)

        assert told(site) == person
        assert not FailureBudget.objects.exists()

    def test_that_are_refused_before_identification_are_told_even_when_all_is_spent(self, shop):
        site, _, _ = shop
        for _ in range(11):
            told(site, f"{ADDRESS}¶wrong")

        with pytest.raises(identifying.SeparatorMissing):
            ask(site, "nothing between")


def test_who_is_found_takes_no_room(shop):
    site, _, person = shop
    for _ in range(12):
        identifying.remembered_persons.clear()
        assert told(site) == person
    for _ in range(12):
        assert told(site, None) == person

    assert not FailureBudget.objects.exists()
    assert [told(site, f"{ADDRESS}¶wrong") for _ in range(10)] == ["nobody"] * 10


def test_an_unknown_address_costs_the_same_look_as_a_known_one(shop, looks):
    site, _, _ = shop
    told(site, "nobody@example.test¶wrong")
    unknown = len(looks)
    told(site, f"{ADDRESS}¶wrong")

    assert (unknown, len(looks)) == (1, 2)


def test_failures_from_one_network_end_at_the_sites_limit(shop):
    site, _, person = shop
    Site.objects.filter(pk=site.pk).update(guesses_per_network=12)
    site.refresh_from_db()
    for number in range(12):
        assert told(site, f"n{number}@example.test¶x", f"v{number}", network="192.0.2.7") == "nobody"

    assert told(site, network="192.0.2.7") > 880
    assert told(site, network="192.0.2.8") == person


class TestARightSecret:
    def test_is_looked_at_once_in_five_seconds(self, shop, looks):
        site, _, person = shop

        assert [told(site) for _ in range(3)] == [person] * 3
        assert looks == [PASSWORD_VALUE]
        assert [told(site, unique_id="visitor-0002")] == [person]
        assert looks == [PASSWORD_VALUE]
        assert told(site, f"{ADDRESS}¶wrong") == "nobody"
        assert looks == [PASSWORD_VALUE, "wrong"]

    def test_is_not_believed_once_it_was_changed(self, shop, looks):
        site, _, person = shop
        ask(site)
        persons.set_secret(person, characteristic(site, SECRET), "fresh", actor_id="system", reason="asked for it")

        assert told(site) == "nobody"
        assert told(site, f"{ADDRESS}¶fresh") == person

    def test_is_not_believed_once_they_are_switched_off(self, shop):
        site, _, person = shop
        ask(site)
        persons.switch_off(person, actor_id="system", reason="left")

        assert [told(site) for _ in range(10)] == ["nobody"] * 10
        assert told(site) > 880

    def test_is_not_believed_of_two(self):
        """Without a secret too: what is remembered names everybody it was true of."""
        site = make_site()
        make_settings(site)
        kind = make_person_type(site, identified_by=(CARD,))
        first = make_person(kind, {CARD: "K-77"})
        assert told(site, "K-77") == first

        make_person(kind, {CARD: "K-77"})
        assert told(site, "K-77") == "nobody"

    def test_that_was_changed_during_the_look_identifies_nobody(self, shop, monkeypatch):
        site, _, person = shop
        right = identifying.knows

        def slow(hashed, value):
            answer = right(hashed, value)
            persons.set_secret(person, characteristic(site, SECRET), "fresh", actor_id="system", reason="stolen")
            return answer

        monkeypatch.setattr(identifying, "knows", slow)

        assert told(site) == "nobody"
        assert not StoredIdentification.objects.exists()
        assert not Visitor.objects.exists()


class TestWhatIsStored:
    def test_ends_24_hours_after_its_last_use(self, shop, settings):
        site, _, person = shop
        ask(site)
        settings.CLOCK_OFFSET_SECONDS = DAY - 60
        assert told(site, None) == person
        settings.CLOCK_OFFSET_SECONDS = 2 * DAY - 120
        assert told(site, None) == person
        settings.CLOCK_OFFSET_SECONDS = 3 * DAY - 120 + 1
        assert told(site, None) == "nobody"

    def test_ends_at_that_very_moment(self, shop):
        site, _, person = shop
        ask(site)
        stored = StoredIdentification.objects.get()
        ends = stored.used_at + visiting.STORED_FOR

        assert told(site, None, now=ends) == "nobody"
        assert told(site, None, now=ends - (ends - stored.used_at) / DAY) == person

    def test_is_deleted_when_it_has_ended_and_the_link_stays(self, shop, settings):
        site, _, _ = shop
        ask(site)
        tidying.tidy()
        assert StoredIdentification.objects.count() == 1
        settings.CLOCK_OFFSET_SECONDS = DAY + 1
        tidying.tidy()

        assert not StoredIdentification.objects.exists()
        assert VisitorPerson.objects.filter(until=None).count() == 1

    @pytest.mark.parametrize("changed", ["secret", "address", "settings", "off", "forgotten", "visitor"])
    def test_ends_with_what_it_came_from(self, shop, changed):
        site, kind, person = shop
        ask(site)
        words = {"actor_id": "system", "reason": "a test"}
        if changed == "secret":
            persons.set_secret(person, characteristic(site, SECRET), "fresh", **words)
        elif changed == "address":
            persons.change_properties(person, {characteristic(site, EMAIL): "new@example.test"}, actor_id="system")
        elif changed == "settings":
            from accounts import person_types

            person_types.change_person_type(
                kind, kind.name, [characteristic(site, EMAIL)], may_redeem=True, actor_id="system"
            )
        elif changed == "off":
            persons.switch_off(person, **words)
        elif changed == "forgotten":
            assert visiting.forget_visitors(person, **words) == (1, 1)
        else:
            assert visiting.forget_person(Visitor.objects.get(), **words) == (1, 1)

        assert not StoredIdentification.objects.exists()
        assert told(site, None) == "nobody"
        is_over = VisitorPerson.objects.get().until is not None
        assert is_over == (changed in ("off", "forgotten", "visitor"))

    def test_stays_when_something_else_of_the_person_changes(self, shop):
        site, _, person = shop
        ask(site)
        persons.change_properties(person, {characteristic(site, CARD): "K-1"}, actor_id="system")

        assert told(site, None) == person


class TestTheLink:
    def test_moves_to_whoever_is_identified_next_and_never_overlaps(self, shop):
        site, kind, first = shop
        second = make_person(kind, {EMAIL: "other@example.test", SECRET: "other"})
        for person, values in ((first, BOTH), (second, "other@example.test¶other"), (first, BOTH)):
            assert ask(site, values) == person
            assert told(site, None) == person

        links = list(VisitorPerson.objects.order_by("pk"))
        assert [each.person for each in links] == [first, second, first]
        assert [each.until is None for each in links] == [False, False, True]
        assert [each.until for each in links[:2]] == [each.since for each in links[1:]]
        assert StoredIdentification.objects.count() == 1

    def test_is_one_whatever_types_a_visitor_is_known_by(self, shop):
        site, _, first = shop
        second = make_person(make_person_type(site, 2, (CARD,)), {CARD: "K-1"})
        ask(site)
        assert ask(site, "K-1", person_type=2) == second

        assert VisitorPerson.objects.get(until=None).person == second
        assert StoredIdentification.objects.count() == 2
        assert ask(site, None) == first
        assert VisitorPerson.objects.get(until=None).person == first

    def test_stays_when_a_later_call_fails(self, shop):
        site, _, person = shop
        ask(site)
        told(site, f"{ADDRESS}¶wrong")

        assert VisitorPerson.objects.get(until=None).person == person
        assert told(site, None) == person

    def test_is_of_as_many_visitors_as_there_are(self, shop):
        site, _, person = shop
        for number in range(3):
            ask(site, unique_id=f"visitor-{number}")

        assert VisitorPerson.objects.filter(person=person, until=None).count() == 3
