"""Which of the two databases the platform runs on: it never changes, and the hot path asks a dozen times a request."""

from functools import cache

from django.db import connection


@cache
def is_postgresql() -> bool:
    """As ``connection.vendor`` says, which is looked up anew for every thread at every question."""
    return connection.vendor == "postgresql"
