"""A code belongs to an order that exists, to its batch and site, and to terms of that site: the database sees to it itself."""

import pytest
from django.db import IntegrityError, connection, transaction

from codes import issuing, storing
from codes.models import Code, IssueOrder, Terms
from codes.storing import Block
from tests.codes.test_triggers import refused
from tests.factories import make_batch, make_code, make_site, new_batch
from tests.scenes import scene

pytestmark = pytest.mark.django_db

COLUMNS = [field.column for field in Code._meta.concrete_fields if field.column != "id"]
DIGEST = "0123456789abcdef"


code_here_scene = scene("code_here", lambda: make_code(make_site(slug="here")))


@pytest.fixture
def code(code_here_scene, db):
    return code_here_scene()


@pytest.fixture
def elsewhere():
    """A code of another site."""
    return make_code(make_site(slug="elsewhere"))


def copied(**changed):
    """SQL that copies the code of the site here, with another serial and digest and what else is changed."""
    digest = f"'{DIGEST}'::bytea" if connection.vendor == "postgresql" else f"CAST('{DIGEST}' AS BLOB)"
    other = {"serial": "serial + 1", "lookup_odd": digest, "lookup_even": "NULL", **changed}
    values = ", ".join(str(other.get(column, column)) for column in COLUMNS)
    return (
        f"INSERT INTO codes_code ({', '.join(COLUMNS)}) SELECT {values} FROM codes_code "
        "WHERE site_id = (SELECT id FROM accounts_site WHERE slug = 'here')"
    )


def test_a_code_that_belongs_is_taken(code):
    assert not refused(copied())


@pytest.mark.parametrize("column", ["site_id", "batch_id", "order_id", "terms_id"])
@pytest.mark.parametrize("there", [True, False], ids=["of another site", "that does not exist"])
class TestOneOfTheFourIsWrong:
    def test_it_is_not_inserted(self, code, elsewhere, column, there):
        assert refused(copied(**{column: getattr(elsewhere, column) if there else 987_654}))

    def test_it_is_not_changed_to_it(self, code, elsewhere, column, there):
        wrong = getattr(elsewhere, column) if there else 987_654

        assert refused(f"UPDATE codes_code SET {column} = %s WHERE id = %s", wrong, code.pk)
        assert not refused(f"UPDATE codes_code SET {column} = {column} WHERE id = %s", code.pk)


def test_a_code_cannot_join_another_batch_of_its_site(code):
    other = make_batch(code.site)

    assert refused(copied(batch_id=other.pk))
    assert refused("UPDATE codes_code SET batch_id = %s WHERE id = %s", other.pk, code.pk)
    assert refused("UPDATE codes_code SET order_id = %s WHERE id = %s", other.orders.get().pk, code.pk)


def test_a_code_may_change_to_other_terms_of_its_site(code):
    other = Terms.objects.exclude(pk=code.terms_id).filter(site=code.site).first() or make_batch(code.site)
    terms_id = other.pk if isinstance(other, Terms) else other.orders.get().terms_id

    assert not refused("UPDATE codes_code SET terms_id = %s WHERE id = %s", terms_id, code.pk)


@pytest.mark.parametrize("what", ["codes_issueorder", "codes_batch", "codes_terms", "accounts_site"])
def test_what_a_code_belongs_to_is_not_deleted(code, what):
    row_id = {
        "codes_issueorder": code.order_id,
        "codes_batch": code.batch_id,
        "codes_terms": code.terms_id,
        "accounts_site": code.site_id,
    }[what]

    def delete():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {what} WHERE id = %s", [row_id])
            connection.check_constraints()

    with pytest.raises(IntegrityError):
        delete()


def test_an_order_without_codes_may_be_deleted():
    order, _ = issuing.order_batch(new_batch(make_site(), count=2))

    assert not refused("DELETE FROM codes_issueorder WHERE id = %s", order.pk)


@pytest.mark.parametrize("column", ["id", "batch_id", "site_id"])
def test_an_order_never_moves(code, elsewhere, column):
    other = {"id": 987_654, "batch_id": elsewhere.batch_id, "site_id": elsewhere.site_id}[column]

    assert refused(f"UPDATE codes_issueorder SET {column} = %s WHERE id = %s", other, code.order_id)
    assert not refused(f"UPDATE codes_issueorder SET {column} = {column} WHERE id = %s", code.order_id)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_orders_are_not_truncated_away(code):
    connection.check_constraints()  # Or checks that are still to come would refuse it.

    with pytest.raises(IntegrityError, match="has codes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE codes_issueorder CASCADE")


def test_one_wrong_code_in_a_block_keeps_them_all_out(code, elsewhere):
    """As issuing itself stores them: the check is one for the whole statement."""
    order = IssueOrder.objects.get(pk=code.order_id)
    good = Block(code.terms_id, 1, None, None, 1, [(10 + n, bytes([n]) * 16, None, b"sealed") for n in range(3)])
    wrong = Block(elsewhere.terms_id, 1, None, None, 1, [(20, b"w" * 16, None, b"sealed")])

    with pytest.raises(IntegrityError), transaction.atomic():
        storing.store(order, [good, wrong])
    assert order.codes.count() == 1

    assert storing.store(order, [good]) == []
    assert order.codes.count() == 4


class TestStoring:
    def test_everything_is_stored_as_it_was_given(self, code, stopped_clock):
        order = IssueOrder.objects.get(pk=code.order_id)
        until = stopped_clock.now.replace(microsecond=123_456)
        blocks = [
            Block(
                code.terms_id, 3, stopped_clock.now.replace(year=1999), until, 7, [(10, b"o" * 16, b"e" * 16, b"\0s")]
            ),
            Block(code.terms_id, 1, None, None, 2, [(11, None, b"f" * 16, b"x" * 200)]),
            Block(code.terms_id, 1, None, None, 1, [(12, b"p" * 16, None, b""), (13, b"q" * 16, None, b"y")]),
        ]

        assert storing.store(order, blocks) == []

        stored = list(order.codes.filter(serial__gte=10).order_by("serial"))
        assert [
            (c.serial, c.lookup_odd and bytes(c.lookup_odd), c.lookup_even and bytes(c.lookup_even), bytes(c.sealed))
            for c in stored
        ] == [fresh for block in blocks for fresh in block.codes]
        assert [(c.max_uses, c.valid_from, c.valid_until, c.key_version) for c in stored] == [
            (b.max_uses, b.valid_from, b.valid_until, b.key_version) for b in blocks for _ in b.codes
        ]
        for c in stored:
            assert (c.site_id, c.batch_id, c.order_id, c.terms_id) == (
                code.site_id, code.batch_id, code.order_id, code.terms_id,
            )  # fmt: skip
            assert (c.state, c.uses, c.redemptions, c.owner_id, c.last_actor_id) == ("active", 0, 0, None, "")
            assert (c.last_redeemed_at, c.value_expired_at) == (None, None)

    def test_codes_that_exist_are_named_and_the_others_stored(self, code):
        order = IssueOrder.objects.get(pk=code.order_id)
        block = Block(code.terms_id, 1, None, None, 1, [(10 + n, bytes([n]) * 16, None, b"sealed") for n in range(4)])
        storing.store(order, [Block(code.terms_id, 1, None, None, 1, [(5, b"\2" * 16, None, b"sealed")])])

        assert storing.store(order, [block]) == [12]
        assert list(order.codes.filter(serial__gte=10).values_list("serial", flat=True).order_by("serial")) == [
            10,
            11,
            13,
        ]

    def test_nothing_is_stored_of_nothing(self, code):
        assert storing.store(IssueOrder.objects.get(pk=code.order_id), []) == []
