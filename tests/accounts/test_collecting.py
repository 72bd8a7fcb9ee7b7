"""The garbage collector waits while a deed builds what it needs to its end, and works again afterwards."""

import gc

import pytest

from accounts import collecting


def test_nothing_is_collected_inside_and_it_is_afterwards():
    assert gc.isenabled()

    with collecting.paused():
        assert not gc.isenabled()
        with collecting.paused():
            assert not gc.isenabled()
        assert not gc.isenabled()

    assert gc.isenabled()


def test_it_is_collected_again_after_a_failure():
    with pytest.raises(ZeroDivisionError), collecting.paused():
        raise ZeroDivisionError

    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_off():
    gc.disable()
    try:
        with collecting.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
