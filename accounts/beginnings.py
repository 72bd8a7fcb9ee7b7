"""What every site begins with. Packages above this one add theirs when they are loaded, for nothing here imports them."""

from collections.abc import Callable

from accounts import venues
from accounts.models import Site

BEGINNINGS: list[Callable[[Site], None]] = [venues.add_first_system_type]


def begin(site: Site) -> None:
    """Give a site what it begins with and does not have yet; part of making one, wherever that is done."""
    for give in BEGINNINGS:
        give(site)
