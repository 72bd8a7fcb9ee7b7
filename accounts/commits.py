"""How long a commit takes: as long as the disk does, unless nothing depends on it."""

from accounts import database, prepared


def need_not_last() -> None:
    """The open transaction's commit does not wait for the disk: what it wrote, if anything, the next one would write again.

    Locks alone make PostgreSQL wait otherwise, for it logs them. SQLite writes nothing for those.
    """
    if database.is_postgresql():
        with prepared.cursor() as cursor:
            cursor.execute("SELECT set_config('synchronous_commit', 'off', TRUE)")
