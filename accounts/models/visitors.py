"""Visitors of shops, and which person each is. Source: prepaid engine, section 5."""

from django.db import models
from django.db.models import F, Q

from accounts.models.persons import Person, PersonType
from accounts.models.sites import Site

DEFAULT_UNIQUE_ID = "defaultUniqueID"  # For reading only; no visitor has it.
LONGEST_UNIQUE_ID = 50


class Visitor(models.Model):
    """Whoever a shop knows by a UniqueID that it invented; compared exactly."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="visitors", db_index=False)
    unique_id = models.CharField(max_length=LONGEST_UNIQUE_ID)
    language = models.CharField(max_length=10)
    currency_code = models.CharField(max_length=12)
    country = models.PositiveIntegerField(default=0, help_text="0: not known.")
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["unique_id", "site"], name="visitor_unique_id_per_site"),
            models.CheckConstraint(
                condition=~Q(unique_id__in=["", DEFAULT_UNIQUE_ID]), name="visitor_unique_id_of_its_own"
            ),
        ]
        indexes = [models.Index(fields=["site", "-id"], name="visitor_newest_of_site")]

    def __str__(self) -> str:
        return self.unique_id


class VisitorPerson(models.Model):
    """Which person a visitor was from when until when; no ``until``: is now."""

    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="persons")
    person = models.ForeignKey(Person, models.PROTECT, related_name="visitors")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["visitor"], condition=Q(until=None), name="visitor_is_one_person"),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="visitor_person_in_time"),
        ]

    def __str__(self) -> str:
        return f"{self.visitor_id} is {self.person_id}"


class StoredIdentification(models.Model):
    """A visitor who was identified and need not say the values again, while it lasts: the link alone, never a value."""

    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="identifications", db_index=False)
    person_type = models.ForeignKey(PersonType, models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="identifications")
    used_at = models.DateTimeField(help_text="It ends 24 hours later.")

    class Meta:
        ordering = ["-used_at"]
        constraints = [
            models.UniqueConstraint(fields=["visitor", "person_type"], name="identification_per_visitor_and_type"),
        ]
        indexes = [models.Index(fields=["used_at"], name="identification_used_at")]

    def __str__(self) -> str:
        return f"{self.visitor_id} as {self.person_id}"
