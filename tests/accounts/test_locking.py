"""Row locks: in primary-key order, inside a transaction, and nowhere but here."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import locking
from accounts.models import User
from tests.factories import make_user

ON_POSTGRESQL = connection.vendor == "postgresql"


@pytest.mark.django_db
def test_rows_come_in_primary_key_order_and_locked():
    users = [make_user() for _ in range(3)]

    with CaptureQueriesContext(
        connection,
    ) as captured:
        locked = locking.lock_rows(User.objects.filter(pk__in=[user.pk for user in users]).order_by("-pk"))

    assert locked == users
    assert ("FOR NO KEY UPDATE OF" in captured[0]["sql"]) is ON_POSTGRESQL
    assert 'ORDER BY "accounts_user"."id" ASC' in captured[0]["sql"]


@pytest.mark.django_db
def test_ids_without_a_row_are_missing_from_the_answer():
    user = make_user()

    assert locking.lock_ids(User, [user.pk, user.pk, user.pk + 1]) == {user.pk: user}


@pytest.mark.django_db
def test_a_statement_of_ones_own_is_locked_where_it_says_so():
    user = make_user()

    with CaptureQueriesContext(connection) as captured:
        found = locking.select_for_update("SELECT u.id FROM accounts_user u ORDER BY u.id {lock u}", [])

    assert found == [(user.pk,)]
    assert captured[0]["sql"].endswith("FOR NO KEY UPDATE OF u") is ON_POSTGRESQL


@pytest.mark.django_db
def test_the_defect_switch_leaves_the_lock_out(settings):
    settings.DEFECTS = {"row_lock"}

    with CaptureQueriesContext(connection) as captured:
        locking.lock_ids(User, [1])
        locking.select_for_update("SELECT u.id FROM accounts_user u ORDER BY u.id {lock u}", [])

    assert not any("FOR NO KEY UPDATE" in query["sql"] for query in captured)


@pytest.mark.django_db
def test_a_statement_without_an_order_is_refused():
    with pytest.raises(AssertionError, match="one order"):
        locking.select_for_update("SELECT u.id FROM accounts_user u {lock u}", [])


def test_a_lock_outside_a_transaction_is_refused(committed_db):
    for lock in (
        lambda: locking.lock_ids(User, [1]),
        lambda: locking.select_for_update("SELECT id FROM accounts_user u ORDER BY id {lock u}", []),
    ):
        with pytest.raises(AssertionError, match="open one first"):
            lock()


def test_of_two_at_one_sweep_only_the_first_is_alone_until_its_transaction_ends(committed_db):
    begun, asked = threading.Event(), threading.Event()

    def first():
        with transaction.atomic():
            alone = locking.is_alone("sweep")
            begun.set()
            assert not ON_POSTGRESQL or asked.wait(10)
        return alone

    def second():
        begun.wait(10)
        heard = []
        for name in ("sweep", "another"):
            with transaction.atomic():
                heard.append(locking.is_alone(name))
        asked.set()
        return heard

    assert committed_db.together(first, second) == [True, [not ON_POSTGRESQL, True]]
    with transaction.atomic():
        assert locking.is_alone("sweep")
