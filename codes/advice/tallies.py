"""How many advices ended in which way in which minute: appended by each list, added up by a sweep."""

import datetime as dt
from collections.abc import Mapping

from accounts import rows

COLUMNS = (("site_id", "bigint"), ("minute", "timestamptz"), ("outcome", "text"), ("count", "integer"))


def append(counts: Mapping[tuple[int, str], int], now: dt.datetime) -> None:
    """Note how many advices of each (site ID, outcome) were decided now; in the transaction that decided them."""
    minute = now.replace(second=0, microsecond=0)
    told = [(site_id, minute, outcome, count) for (site_id, outcome), count in sorted(counts.items())]
    rows.add("codes_advicetally", COLUMNS, told)
