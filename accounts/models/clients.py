from django.db import models
from django.db.models import JSONField, Value

from accounts.models.identifier_types import usual_types
from accounts.models.sites import Site
from accounts.models.users import User


class Client(models.Model):
    """A program that calls the API with a key ``<prefix>.<secret>``.

    The prefix is public and names the client in receipts and lists. Of the secret (256 bits, shown once) only
    HMAC(pepper, secret) is stored.
    """

    class Scope(models.TextChoices):
        REDEEM = "redeem", "Redeem and validate codes"
        ADVISE = "advise", "Report redemptions that happened"
        REVERSE = "reverse", "Reverse redemptions"
        READ = "read", "Read batches, codes and redemptions"
        ISSUE = "issue", "Create batches and issue codes"
        ASSIGN = "assign", "Hand out codes to claimants, and show them theirs"
        MANAGE = "manage", "Change codes"
        EXPORT = "export", "Export codes with their characters"
        CASH = "cash", "Change cash accounts and book on them (prepaid engine)"
        POINTS = "points", "Reserve and redeem points (loyalty protocol)"
        GRANT = "grant", "Give points to claimants, and take them back"

    site = models.ForeignKey(Site, models.PROTECT, related_name="clients")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.BinaryField(max_length=32, editable=False)
    scopes = models.JSONField(default=list)
    identifier_types = models.JSONField(
        default=usual_types,
        db_default=Value(usual_types(), JSONField()),
        help_text="By what the client may start loyalty sessions.",
    )
    acts_as = models.ManyToManyField(
        User, blank=True, related_name="+", help_text="Only these claimants; empty: every claimant of the site."
    )
    # Kept beside the list, so that a key whose last claimant is deleted opens nothing instead of everything.
    limited = models.BooleanField(
        default=False, editable=False, help_text="May act for the claimants listed and no other."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name", "id"]
        permissions = [("revoke_client", "Can revoke an API key")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
