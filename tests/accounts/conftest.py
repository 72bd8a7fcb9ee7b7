"""What the tests about people share, and those about the rules of rows."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import identifying
from accounts.models import Person, PersonType, Site
from tests.people import make_shop
from tests.scenes import scene

shop_scene = scene("shop", make_shop)


@pytest.fixture
def shop(shop_scene: Callable[[], tuple[Site, PersonType, Person]], db: None) -> tuple[Site, PersonType, Person]:
    """A site with settings, person type 1, and its reader, whom nobody has identified yet."""
    identifying.remembered_persons.clear()  # By their primary keys, which another test's reader had too.
    return shop_scene()


@pytest.fixture
def here(sides: tuple[Any, Any]) -> Any:
    """One of everything on a site, as the file makes it: its fixture ``sides``."""
    return sides[0]


@pytest.fixture
def there(sides: tuple[Any, Any]) -> Any:
    """The same on another site."""
    return sides[1]
