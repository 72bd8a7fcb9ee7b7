from django.db import models
from django.db.models import F, Q

from codes.models.attempts import Attempt
from codes.models.codes import Code
from ledger.models import Reservation


class CodeHold(models.Model):
    """One use of a code, held by a reservation: it is nobody else's until the hold ends or expires.

    No use is taken while it is held. A hold ends once: consumed by the redemption that took the use (``attempt``), released, or
    expired; from ``expires_at`` on it counts as absent, whatever its row still says. A trigger counts the open ones in
    ``Code.held``.
    """

    Ending = Reservation.Ending

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="code_holds", db_index=False)
    code = models.ForeignKey(Code, models.PROTECT, related_name="holds")
    expires_at = models.DateTimeField(help_text="That of its reservation.")
    ended_as = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    attempt = models.OneToOneField(
        Attempt,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="hold",
        help_text="The redemption that took the use, if one did.",
    )

    class Meta:
        db_table = "codes_hold"  # Yesterday's code still reads the table that Django would name.
        ordering = ["id"]
        permissions = [("release_reservation", "Can release reservations before their time")]
        indexes = [
            models.Index(fields=["code", "expires_at"], name="codehold_open", condition=Q(ended_as="")),
            models.Index(fields=["expires_at"], name="codehold_to_expire", condition=Q(ended_as="")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reservation", "code"], name="codes_hold_once"),
            models.CheckConstraint(
                # An unknown end would pass both comparisons: a check refuses only what is false.
                condition=Q(ended_as="", ended_at__isnull=True)
                | Q(ended_at__isnull=False)
                & (
                    Q(ended_as__in=["consumed", "released"], ended_at__lt=F("expires_at"))
                    | Q(ended_as="expired", ended_at__gte=F("expires_at"))
                ),
                name="codehold_ends_in_time",
            ),
            models.CheckConstraint(
                condition=Q(ended_as="consumed", attempt__isnull=False)
                | ~Q(ended_as="consumed") & Q(attempt__isnull=True),
                name="codehold_redeemed_if_consumed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code_id} held by {self.reservation_id}"


class ReservationKey(models.Model):
    """An idempotency key under which a caller made or confirmed a reservation, and a digest of what was asked for then.

    Written with what the request did, or not at all: a refusal leaves none. The answer is told again from the reservation itself.
    """

    class Deed(models.TextChoices):
        PLACE = "place", "Made"
        CONFIRM = "confirm", "Confirmed"

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="keys", db_index=False)
    deed = models.CharField(max_length=10, choices=Deed.choices)
    caller = models.CharField(max_length=80)
    idempotency_key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "idempotency_key"], name="reservationkey_once"),
            # A reservation is made once and confirmed once.
            models.UniqueConstraint(fields=["reservation", "deed"], name="reservationkey_one_of_each_deed"),
            models.CheckConstraint(condition=Q(deed__in=["place", "confirm"]), name="reservationkey_deed_known"),
        ]

    def __str__(self) -> str:
        return f"key of {self.reservation_id}"
