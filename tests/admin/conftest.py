from collections.abc import Callable

import pytest

from tests.admin.desk import World, make_world
from tests.scenes import scene

world_scene = scene("world", make_world)


@pytest.fixture
def world(world_scene: Callable[[], World], db: None) -> World:
    """A site with one row of everything, and its staff."""
    return world_scene()
