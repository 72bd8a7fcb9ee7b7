"""What tills sent is brought under the newest key like everything else, so that an old one can be taken away."""

import pytest

from codes import keys, resealing
from codes.advice import accepting, draining
from codes.models import Advice, Resealing
from tests.advice import advise, make_till, report_of
from tests.codes.redeeming import assert_sound
from tests.codes.rotation import live
from tests.factories import make_code, make_site

pytestmark = pytest.mark.django_db


def test_bodies_and_texts_are_brought_under_the_newest_key_and_nothing_else_of_an_advice_changes(settings):
    live(settings, 1)
    till = make_till(make_site())
    make_code(till.client.site)
    advise(till.client, raw=b'{"till": "7"}')
    advise(till.client, None, problem="invalid_text", raw=b"[]")
    facts = [
        field.attname for field in Advice._meta.concrete_fields if field.name not in ("raw", "text", "key_version")
    ]
    before = list(Advice.objects.order_by("pk").values(*facts))

    live(settings, 1, 2)
    resealing.reseal()

    live(settings, 2)
    assert list(Advice.objects.order_by("pk").values(*facts)) == before
    first, second = Advice.objects.order_by("pk")
    assert (first.key_version, second.key_version) == (2, 2)
    assert keys.unseal_bytes(first.site_id, 2, first.raw) == b'{"till": "7"}'
    assert keys.unseal(first.site_id, 2, first.text or b"") == "ABC-E6W5F"
    assert (keys.unseal_bytes(second.site_id, 2, second.raw), second.text) == (b"[]", None)
    assert_sound()


def test_one_that_waits_is_brought_along_at_once_for_nobody_knows_how_long_it_waits(settings):
    live(settings, 1)
    till = make_till(make_site())
    make_code(till.client.site)
    waiting = accepting.accept(report_of(till.client))
    live(settings, 1, 2)

    resealing.reseal()
    assert Advice.objects.get(pk=waiting).key_version == 2
    live(settings, 2)
    draining.drain()

    assert Advice.objects.get(pk=waiting).outcome == "redeemed"


def test_one_that_no_key_opens_stops_nothing(settings):
    live(settings, 1)
    till = make_till(make_site())
    make_code(till.client.site)
    bad, good = advise(till.client), advise(till.client)
    Advice.objects.filter(pk=bad.pk).update(raw=b"damaged")

    live(settings, 1, 2)
    resealing.reseal()

    assert [Advice.objects.get(pk=each.pk).key_version for each in (bad, good)] == [1, 2]
    assert Resealing.objects.get(subject="advice").unreadable == 1
