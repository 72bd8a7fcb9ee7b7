from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q


@cache
def time_zones() -> frozenset[str]:
    """The names of all time zones; the library reads a whole folder to tell them."""
    return frozenset(available_timezones())


def validate_time_zone(name: str) -> None:
    if name not in time_zones():
        raise ValidationError("Write a time zone by its name, for example Europe/Berlin.")


class Site(models.Model):
    """A tenant. Nothing of one site is ever visible to another."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    domain = models.CharField(
        max_length=253, unique=True, help_text="Host name whose pages belong to this site, without a port."
    )
    language = models.CharField(max_length=10, default="en", help_text="For people whose own language is not known.")
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[validate_time_zone], help_text="In which dates of validity are read."
    )
    default_asset_code = models.CharField(
        max_length=12, blank=True, help_text="A new user gets a cash account in this asset; empty: none."
    )
    guesses_per_client = models.PositiveIntegerField(
        default=1_000, validators=[MinValueValidator(1)], help_text="Failed look-ups a client may cause in 15 minutes."
    )
    guesses_per_network = models.PositiveIntegerField(
        default=5_000, validators=[MinValueValidator(1)], help_text="Failed look-ups from one address in 15 minutes."
    )
    guesses_in_total = models.PositiveIntegerField(
        default=100_000, validators=[MinValueValidator(1)], help_text="Failed look-ups on the site in 15 minutes."
    )
    guesses_per_year = models.PositiveBigIntegerField(
        default=1_000_000,
        validators=[MinValueValidator(1)],
        help_text="Failed look-ups that code lengths must withstand.",
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            # The path /admin-api/<site>/redemptions would be ambiguous.
            models.CheckConstraint(condition=~Q(slug="redemptions"), name="site_slug_not_reserved"),
        ]

    def __str__(self) -> str:
        return self.name
