from django.db import models
from django.db.models import Q

from accounts.models.clients import Client


class TillKey(models.Model):
    """What a till signs its requests with, chosen by its maker and not by us: a name with a secret, or one bare key.

    Of the secret, which may be empty, and of the bare key only keyed digests are stored. Whoever has it acts as ``client``.
    Source: redemption advice, section 3.
    """

    client = models.ForeignKey(Client, models.PROTECT, related_name="till_keys")
    name = models.CharField(max_length=100, null=True, blank=True, unique=True)
    secret_hash = models.BinaryField(max_length=32, null=True, editable=False)
    key_digest = models.BinaryField(max_length=32, null=True, unique=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(Q(name__isnull=False, secret_hash__isnull=False, key_digest__isnull=True), ~Q(name=""))
                | Q(name__isnull=True, secret_hash__isnull=True, key_digest__isnull=False),
                name="till_key_is_pair_or_bare",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"bare key {self.pk}"
