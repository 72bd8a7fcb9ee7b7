"""Triggers: all there after every migrate, whoever took them away; and a check that says when one is missing."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection

from accounts import triggers
from tests.scenes import scene

ALL = [trigger for package in triggers.PACKAGES for trigger in triggers.listed(package)]


def take_away(trigger, name):
    with connection.cursor() as cursor:
        on_table = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER {name}{on_table}")


def warnings(**asked):
    return [problem.msg for problem in run_checks(databases=["default"], **asked) if problem.id == "accounts.W001"]


def take_all_away_and_migrate():
    """The names of those that were missing and are there again."""
    for trigger in ALL:
        for name in trigger.names(connection.vendor):
            take_away(trigger, name)
    missing = triggers.missing_triggers()
    call_command("migrate", verbosity=0)
    return set(missing) - set(triggers.missing_triggers())


migrated_again_scene = scene("migrated_again", take_all_away_and_migrate)


@pytest.mark.django_db
class TestPresence:
    def test_a_migrated_database_has_them_all(self):
        assert triggers.missing_triggers() == []
        assert warnings() == []

    @pytest.mark.parametrize(
        ("trigger", "name"), [(t, name) for t in ALL for name in sorted(t.names(connection.vendor))], ids=str
    )
    def test_a_missing_one_is_told_and_made_again_by_migrate(self, migrated_again_scene, trigger, name):
        assert name in migrated_again_scene()
        assert triggers.missing_triggers() == []

        take_away(trigger, name)

        assert triggers.missing_triggers() == [name]
        assert warnings(tags=["database"]) == [f"The trigger {name} is missing."]

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot switch a trigger off")
    @pytest.mark.parametrize("how", ["DISABLE", "ENABLE REPLICA"])
    def test_one_that_is_switched_off_counts_as_missing_and_is_switched_on_by_migrate(self, how):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE ledger_transfer {how} TRIGGER ledger_transfer_books")

        assert triggers.missing_triggers() == ["ledger_transfer_books"]
        call_command("migrate", verbosity=0)
        assert triggers.missing_triggers() == []

    def test_one_of_that_name_on_another_table_does_not_count(self):
        books = next(trigger for trigger in ALL if trigger.name == "ledger_transfer_books")
        take_away(books, books.name)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "CREATE TRIGGER ledger_transfer_books BEFORE UPDATE ON accounts_tag "
                    "FOR EACH ROW EXECUTE FUNCTION ledger_account_guard()"
                )
            else:
                cursor.execute("CREATE TRIGGER ledger_transfer_books BEFORE UPDATE ON accounts_tag BEGIN SELECT 1; END")

        assert triggers.missing_triggers() == ["ledger_transfer_books"]
        assert warnings() == ["The trigger ledger_transfer_books is missing."]


def test_every_package_lists_triggers_with_names_of_their_own():
    for vendor in ("postgresql", "sqlite"):
        names = [(trigger.table, name) for trigger in ALL for name in trigger.names(vendor)]
        assert len(names) == len(set(names))
        assert all(trigger.names(vendor) for trigger in ALL)


@pytest.mark.races
def test_a_site_that_serves_while_it_is_migrated_books_nothing_without_them(committed_db):
    """Each trigger is replaced in one step: between the old and the new one there is no moment without."""
    from tests.factories import make_account
    from tests.ledger.bookings import post_grants

    account = make_account(balance=100)

    def migrate():
        for _ in range(20):
            triggers.install(apps.get_app_config("ledger"), using="default")

    def book():
        for _ in range(60):
            post_grants(account, [1])

    assert committed_db.together(migrate, book, book) == [None, None, None]
    account.refresh_from_db()
    assert account.balance == 220
