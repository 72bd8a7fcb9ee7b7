"""When loyalty members were last active. Source: ad hoc redemption, section 8."""

import datetime as dt
from collections.abc import Sequence

from accounts import locking, rows


def note_activity(user_ids: Sequence[int], now: dt.datetime) -> None:
    """Note on the members that these users are that they gave points at ``now``; one statement for any number of them.

    They are locked in the order of their IDs, for whoever changes a household locks its members too.
    """
    wanted, params = rows.one_of("m.user_id", "bigint", sorted(user_ids))
    locking.select_for_update(
        f"""WITH active AS (SELECT m.id FROM accounts_member m WHERE {wanted} ORDER BY m.id {{lock m}})
            UPDATE accounts_member SET last_activity_at = %s FROM active WHERE accounts_member.id = active.id
            RETURNING accounts_member.id""",  # noqa: S608
        [*params, rows.stored(now)],
    )
