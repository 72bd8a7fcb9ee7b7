"""Files with the same codes, confirmed and imported at the same moment."""

from functools import partial

import pytest

from accounts.invariants import listed
from codes import importing, issuing
from codes.models import Code, CodeImport, IssueOrder
from tests.breaking import violated
from tests.codes.files import check, confirm, receive
from tests.factories import make_site

pytestmark = pytest.mark.races


def test_each_code_is_made_once_and_paid_for_once(committed_db, monkeypatch):
    monkeypatch.setattr("codes.import_issuing.CHUNK", 50)
    site = make_site()
    files = ["".join(f"CODE-{number:04}\n" for number in range(start, start + 400)) for start in (0, 100, 200)]
    orders = [confirm(check(site, file)) for file in files]

    done = committed_db.together(*[lambda order=order: issuing.work_order(order.pk) for order in orders])

    assert {order.state for order in done} == {IssueOrder.State.DONE}
    assert Code.objects.count() == 600 == sum(order.issued for order in done)
    assert violated(listed()) == {}


def test_confirming_and_discarding_at_once_do_one_of_the_two(committed_db):
    site = make_site()
    for number in range(5):
        source = check(site, f"CODE-{number}\n", name=f"race {number}")
        deeds = [partial(confirm, source), partial(importing.discard_import, source, actor_id="boss")]
        committed_db.together(*deeds * 3)
        source.refresh_from_db()

        assert IssueOrder.objects.filter(source=source).count() == (source.state == CodeImport.State.DONE)


def test_a_file_is_checked_by_several_workers_as_by_one(committed_db, monkeypatch):
    monkeypatch.setattr("codes.import_checking.CHUNK", 20)
    source = receive(make_site(), "".join(f"CODE-{number:04}\n" for number in range(400)))

    committed_db.together(*[lambda: importing.work_import(source)] * 4)

    source = importing.work_import(source)
    assert (source.state, source.rows, source.good) == (CodeImport.State.DONE, 400, 400)
    assert violated(listed()) == {}
