from django.db import models

from accounts.models.sites import Site
from accounts.models.users import User


class Tag(models.Model):
    """A word a site puts on users; groups and prices follow it."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="tags")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="tag_once_per_site"),
            models.CheckConstraint(condition=~models.Q(name=""), name="tag_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class UserTag(models.Model):
    """A tag that a user wears."""

    user = models.ForeignKey(User, models.CASCADE, related_name="user_tags")
    tag = models.ForeignKey(Tag, models.PROTECT, related_name="user_tags")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "tag"], name="usertag_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.tag}"
