"""Many rows in one statement, the same on both databases."""

import datetime as dt
import uuid

import pytest
from django.db import connection

from accounts import budgets, rows
from accounts.models import Tag
from tests.factories import make_site

TAG = (("site_id", "bigint"), ("name", "text"))
MOMENT = dt.datetime(2026, 11, 21, 12, 30, 59, 123_456, tzinfo=dt.UTC)
IDENTITY = uuid.UUID("019ab000-0000-7000-8000-00000000002a")

pytestmark = pytest.mark.django_db


def test_rows_are_inserted_in_their_order():
    site = make_site()
    names = [f"{number:04}" for number in reversed(range(50))]

    assert rows.insert("accounts_tag", TAG, [(site.pk, name) for name in names]) == []
    assert list(Tag.objects.order_by("id").values_list("name", flat=True)) == names


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert rows.insert("accounts_tag", TAG, []) == []


def test_what_the_suffix_returns_is_answered():
    site = make_site()
    Tag.objects.create(site=site, name="known")

    made = rows.insert(
        "accounts_tag", TAG, [(site.pk, "known"), (site.pk, "new")], "ON CONFLICT DO NOTHING RETURNING name"
    )

    assert made == [("new",)]


def test_a_thousand_rows_are_one_statement(django_assert_num_queries):
    site = make_site()

    with django_assert_num_queries(1):
        rows.insert("accounts_tag", TAG, [(site.pk, str(number)) for number in range(1_000)])


def test_more_values_than_sqlite_takes_at_once(monkeypatch):
    monkeypatch.setattr(rows, "SQLITE_VALUES", 10)
    site = make_site()
    given = [(site.pk, str(number)) for number in range(13)]

    made = rows.insert("accounts_tag", TAG, given, "RETURNING name")

    assert made == [(name,) for _, name in given]


def test_every_kind_of_value_rests_as_django_would_store_it():
    site = make_site()
    columns = (
        ("id", "uuid"), ("site_id", "bigint"), ("type", "text"), ("comment", "text"), ("reference", "text"),
        ("reverses_id", "uuid"), ("booked_at", "timestamptz"),
    )  # fmt: skip
    rows.insert("ledger_ledgertransaction", columns, [(IDENTITY, site.pk, "grant", "ä'\"%s\\", "{}", None, MOMENT)])
    from ledger.models import LedgerTransaction

    found = LedgerTransaction.objects.get(pk=IDENTITY)
    assert (found.comment, found.reference, found.reverses_id, found.booked_at) == ("ä'\"%s\\", "{}", None, MOMENT)
    assert LedgerTransaction.objects.filter(booked_at=MOMENT, pk=IDENTITY).exists()


def test_rows_can_be_joined_as_a_table():
    source, params = rows.as_table((("id", "bigint"), ("name", "text")), [(1, "one"), (2, "two")])

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT v.name, v.id FROM {source} WHERE v.id > %s", [*params, 1])
        assert cursor.fetchall() == [("two", 2)]


@pytest.mark.parametrize(
    "given",
    [
        [(number, "same", None) for number in range(20)],  # What is said in every row alike goes over once.
        [(1, name, None if name in "ab" else MOMENT) for name in "abcdefgh"],
        [(7, None, MOMENT)] * 9,
        [(number, str(number), MOMENT) for number in range(9)],
        [(1, "one", MOMENT)],
    ],
    ids=["alike but one", "some alike", "all alike", "none alike", "one row"],
)
def test_a_table_has_every_row_that_was_given(given):
    source, params = rows.as_table((("id", "bigint"), ("name", "text"), ("at", "timestamptz")), given)

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT v.id, v.name, v.at FROM {source}", params)
        found = [(number, name, at and budgets.aware(at)) for number, name, at in cursor.fetchall()]
    assert found == given
