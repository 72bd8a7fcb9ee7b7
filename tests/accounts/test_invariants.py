"""The checks about people: silent on what the platform wrote, and they name what somebody else changed."""

import pytest

from accounts import client_keys, granting, invariants
from accounts.clock import read
from accounts.models import Tag
from tests.breaking import run, unguarded, violated
from tests.factories import make_client, make_site, make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    """Two sites with everything that the checks look at."""
    for _ in range(2):
        site = make_site()
        user = make_user(site)
        make_staff(site)
        tags = granting.tags_named(site.pk, ["gold", "blue"])
        granting.give_tags([(user.pk, tag.pk) for tag in tags.values()], read())
        make_client(site)
        client_keys.revoke(make_client(site, acts_as=[user]).client, actor_id="staff")
    return site


def test_nothing_is_found_where_nothing_is_wrong(people):
    assert violated(invariants.INVARIANTS) == {}


def test_an_empty_database_is_in_order():
    assert violated(tuple(invariants.listed())) == {}


@pytest.mark.parametrize(
    ("statement", "number", "name"),
    [
        (
            "UPDATE accounts_auditrecord SET actor_id = 'nobody' WHERE action = 'client.revoke'",
            "I27",
            "as it was written",
        ),
        ('UPDATE accounts_auditrecord SET detail = \'{"name": "x"}\' WHERE id > 0', "I27", "as it was written"),
        ("UPDATE accounts_auditrecord SET mac = '0123456789abcdef0123456789abcdef'", "I27", "as it was written"),
        (
            "UPDATE accounts_usertag SET tag_id = (SELECT MIN(id) FROM accounts_tag) "
            "WHERE id = (SELECT MAX(id) FROM accounts_usertag)",
            "I25",
            "tags of their own site",
        ),
        (
            "UPDATE accounts_client SET site_id = (SELECT MIN(id) FROM accounts_site)",
            "I25",
            "claimants of their own site only",
        ),
        ("UPDATE accounts_client SET limited = NOT limited", "I25", "claimants of their own site only"),
        ("UPDATE accounts_client SET secret_hash = 'the secret itself'", "I28", "digest of 32 bytes"),
    ],
)
def test_what_was_changed_past_the_deeds_is_named(people, statement, number, name):
    with unguarded():
        assert run(statement) > 0
        found = violated([each for each in invariants.INVARIANTS if each.number == number and name in each.name])

    assert len(found) == 1, found


def test_a_missing_trigger_is_named():
    with unguarded():
        found = violated(invariants.INVARIANTS)

    [rows] = found.values()
    assert all(row["trigger"] for row in rows)
    assert violated(invariants.INVARIANTS) == {}


def test_no_more_rows_are_fetched_than_asked_for(people):
    site = make_site()
    stranger = make_user()
    many = invariants.INVARIANTS[2]
    with unguarded():
        Tag.objects.bulk_create(Tag(site=site, name=str(number)) for number in range(20))
        granting.give_tags([(stranger.pk, tag.pk) for tag in Tag.objects.filter(site=site)], read())

        assert len(many.violations(3)) == 3
        assert set(many.violations(1)[0]) == {"id", "user_id", "user_site", "tag_site"}
