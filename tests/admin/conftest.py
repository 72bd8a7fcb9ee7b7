import pytest

from tests.admin.desk import World, make_world


@pytest.fixture
def world(db: None) -> World:
    """A site with one row of everything, and its staff."""
    return make_world()
