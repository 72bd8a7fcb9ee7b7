from django.db import models
from django.db.models import Q

from accounts.models.sites import Site
from accounts.models.tags import Tag


class AccountSet(models.Model):
    """The users whose tags fulfil its rules at the moment: all of some, any of some, none of some.

    A set with neither an ``all`` nor an ``any`` rule holds nobody.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="account_sets")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]
        permissions = [("edit_accountset", "Can create and change account sets")]
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="account_set_name_per_site"),
            models.CheckConstraint(condition=~Q(name=""), name="account_set_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class AccountSetRule(models.Model):
    """What a set asks about one tag."""

    class Kind(models.TextChoices):
        ALL = "all", "Must wear it"
        ANY = "any", "Must wear it or another of these"
        EXCLUDED = "excluded", "Must not wear it"

    account_set = models.ForeignKey(AccountSet, models.CASCADE, related_name="rules", db_index=False)
    tag = models.ForeignKey(Tag, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account_set", "tag"], name="account_set_rule_once"),
            models.CheckConstraint(condition=Q(kind__in=["all", "any", "excluded"]), name="account_set_rule_known"),
        ]

    def __str__(self) -> str:
        return f"{self.account_set}: {self.kind} {self.tag}"
