from django.db import models

from accounts.models.sites import Site


class AuditRecord(models.Model):
    """One state-changing deed, written in the same commit as the change and never changed afterwards.

    A redemption's record is its attempt; this table is for all other deeds (exactly one row per deed).
    """

    site = models.ForeignKey(Site, models.PROTECT, null=True, related_name="+")
    actor_id = models.CharField(max_length=100, help_text="Claimant ID or client prefix of who did it, or 'system'.")
    action = models.CharField(max_length=50, help_text="A verb in the past tense's stem, such as code.reveal.")
    object_type = models.CharField(max_length=50)
    object_id = models.CharField(max_length=64)
    detail = models.JSONField(default=dict, help_text="What changed, from what to what; never a code or a secret.")
    request_id = models.CharField(max_length=64, blank=True)
    recorded_at = models.DateTimeField()
    mac = models.BinaryField(max_length=32, help_text="Keyed digest of the other columns.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_by_object"),
            models.Index(fields=["site", "-id"], name="audit_by_site"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"
