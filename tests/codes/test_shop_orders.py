"""Items of orders: entering a status that generates codes issues a voucher's codes, one a unit, once.

Source: prepaid engine, section 7.
"""

import pytest

from codes.models import Code, ShopOrderItem
from tests.codes.shop import make_item, move
from tests.factories import make_site

pytestmark = pytest.mark.django_db

ORDERED, GENERATES = 1, 4


def test_case_37_three_units_give_three_codes_and_entering_again_gives_no_more():
    item = make_item(make_site(), quantity=3)

    moved = move(item, GENERATES)
    assert (moved.issued, moved.changed) == (3, True)
    first = set(Code.objects.values_list("pk", flat=True))
    assert len(first) == 3

    assert move(item, ORDERED).issued == 0
    assert move(item, GENERATES).issued == 0
    assert set(Code.objects.values_list("pk", flat=True)) == first
    assert ShopOrderItem.objects.get().issue_order.wanted == 3
