from django.db import models
from django.db.models import Q

from accounts.models import Site
from codes.models.codes import Code


class Reservation(models.Model):
    """A committed hold that outlives its request; it ends once, and after ``expires_at`` it counts as absent.

    Only the token's bearer may use what it holds; the token itself is not stored, only its keyed digest.
    """

    class Ending(models.TextChoices):
        CONSUMED = "consumed", "Consumed"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    token_digest = models.BinaryField(max_length=16, unique=True)
    caller = models.CharField(max_length=80)
    expires_at = models.DateTimeField()
    ended_as = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_as__in=["", "consumed", "released", "expired"]), name="reservation_ending_known"
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(ended_as=""), name="reservation_open")]

    def __str__(self) -> str:
        return f"Reservation {self.pk}"


class CodeHold(models.Model):
    """A code held by a reservation: for everybody else it is reserved until the reservation ends or expires."""

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="code_holds")
    code = models.ForeignKey(Code, models.PROTECT, related_name="holds")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reservation", "code"], name="codehold_once")]

    def __str__(self) -> str:
        return f"{self.code_id} held by {self.reservation_id}"
