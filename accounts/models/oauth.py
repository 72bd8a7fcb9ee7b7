from django.db import models

from accounts.models.clients import Client


class AccessToken(models.Model):
    """A token of the loyalty protocol (OAuth 2.0 client credentials): of its 256 random bits only a keyed digest rests."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="access_tokens")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"a token of {self.client}"
