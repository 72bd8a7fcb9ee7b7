"""Venues and the outside systems that know them. Source: redemption advice, sections 2 to 4."""

from django.db import models
from django.db.models import Q

from accounts.models.sites import Site


class SystemType(models.Model):
    """A kind of outside system of the site, such as its tills, by the number under which that kind reports."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="system_types")
    number = models.IntegerField(help_text="As sent in externalVenueSystemType: 32 bits, signed.")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["site", "number"], name="system_type_number_per_site")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Venue(models.Model):
    """A place where codes are redeemed.

    ``venue_id`` is the platform's own ID: terms name it, and so do redemptions over the API. ``external_id`` is how the outside
    system of ``system_type`` calls it; compared exactly as sent.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="venues")
    venue_id = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    system_type = models.ForeignKey(SystemType, models.PROTECT, null=True, blank=True, related_name="venues")
    external_id = models.CharField(max_length=100, blank=True)
    is_open = models.BooleanField(default=True, help_text="A closed venue reports nothing any more.")

    class Meta:
        ordering = ["name", "id"]
        permissions = [("edit_venue", "Can add and change venues and system types")]
        constraints = [
            models.UniqueConstraint(fields=["site", "venue_id"], name="venue_id_per_site"),
            models.UniqueConstraint(
                fields=["system_type", "external_id"],
                condition=Q(system_type__isnull=False),
                name="venue_external_id_per_system_type",
            ),
            models.CheckConstraint(
                condition=Q(system_type__isnull=True, external_id="")
                | Q(Q(system_type__isnull=False), ~Q(external_id="")),
                name="venue_external_id_has_system_type",
            ),
        ]

    def __str__(self) -> str:
        return self.name
