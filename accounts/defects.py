"""Switches that take a guard out, so that a test can first show the fault which the guard prevents.

They exist only where ``tests/settings.py`` defines ``DEFECTS``; everywhere else no switch is ever on.
"""

from django.conf import settings


def switched_on(defect: str) -> bool:
    return defect in getattr(settings, "DEFECTS", ())
