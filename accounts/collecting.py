"""Python's garbage collector, kept from looking through what a long deed still needs."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect no garbage inside, unless another thread leaves such a block meanwhile.

    A deed that builds thousands of objects and needs them all to its end makes the collector look through them again and again,
    and now and then through everything the process has ever loaded; that took a third of the time of judging a list.
    Whatever garbage there is waits for the end of the block.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
