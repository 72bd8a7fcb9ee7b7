"""Switches that take a guard out, so that a test can first show the fault which the guard prevents.

They exist only where ``tests/settings.py`` defines ``DEFECTS``; everywhere else no switch is ever on.
"""

from functools import cache

from django.conf import settings


@cache
def are_there() -> bool:
    """Asked once: to look in vain for a setting costs more than a guard itself, and the hot path has several."""
    return hasattr(settings, "DEFECTS")


def switched_on(defect: str) -> bool:
    return are_there() and defect in settings.DEFECTS
