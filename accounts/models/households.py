"""Households of loyalty members, whose points are spent together. Source: loyalty protocol, section 7."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models.sites import Site

LONGEST_ID = 64


def new_id() -> str:
    return str(uuid.uuid4())


class Household(models.Model):
    """Members of one site whose points pay for each other's redemptions; its mode says how the shares are found."""

    class Mode(models.TextChoices):
        PROPORTIONAL = "proportional", "Proportional: everyone gives in proportion to what they can"
        REQUEST_DEFINED = "request_defined", "Request-defined: the request may say who gives how much"

    site = models.ForeignKey(Site, models.PROTECT, related_name="households", db_index=False)
    household_id = models.CharField(max_length=LONGEST_ID, default=new_id)
    mode = models.CharField(max_length=20, choices=Mode.choices, default=Mode.PROPORTIONAL)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-id"]
        permissions = [("edit_household", "Can set up households, and have members join and leave them")]
        constraints = [
            models.UniqueConstraint(fields=["site", "household_id"], name="household_id_per_site"),
            models.CheckConstraint(condition=~Q(household_id=""), name="household_id_not_empty"),
            models.CheckConstraint(
                condition=Q(mode__in=["proportional", "request_defined"]), name="household_mode_known"
            ),
        ]
        indexes = [models.Index(fields=["site", "-id"], name="household_newest_of_site")]

    def __str__(self) -> str:
        return self.household_id
