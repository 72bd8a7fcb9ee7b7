"""Tags: words of one site, worn by its users once each."""

import pytest
from django.db import IntegrityError, transaction

from accounts import clock, granting
from accounts.models import Tag, UserTag
from tests.factories import make_site, make_user

pytestmark = pytest.mark.django_db


def test_missing_tags_are_made_and_known_ones_are_kept():
    site = make_site()
    gold = Tag.objects.create(site=site, name="gold")

    tags = granting.tags_named(site.pk, ["new", "gold", "new"])

    assert set(tags) == {"gold", "new"}
    assert tags["gold"] == gold
    assert granting.tags_named(site.pk, ["new"])["new"] == tags["new"]


def test_a_tag_of_another_site_is_another_tag():
    here, there = make_site(), make_site()

    assert granting.tags_named(here.pk, ["gold"])["gold"] != granting.tags_named(there.pk, ["gold"])["gold"]


def test_names_are_compared_exactly():
    assert len(granting.tags_named(make_site().pk, ["gold", "Gold", "gold "])) == 3


def test_a_tag_is_given_and_taken_off_again():
    user = make_user()
    gold = granting.tags_named(user.site_id, ["gold"])["gold"]
    now = clock.read()

    granting.give_tags([(user.pk, gold.pk)], now)
    assert UserTag.objects.get(user=user).created_at == now
    assert granting.take_tags([(user.pk, gold.pk)]) == 1
    assert granting.take_tags([(user.pk, gold.pk)]) == 0
    assert not UserTag.objects.exists()


def test_nobody_wears_a_tag_twice():
    user = make_user()
    gold = granting.tags_named(user.site_id, ["gold"])["gold"]
    granting.give_tags([(user.pk, gold.pk)], clock.read())

    with pytest.raises(IntegrityError), transaction.atomic():
        granting.give_tags([(user.pk, gold.pk)], clock.read())


def test_a_tag_has_a_name():
    with pytest.raises(IntegrityError), transaction.atomic():
        Tag.objects.create(site=make_site(), name="")
