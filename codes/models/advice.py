"""Reports of redemptions that happened: what was sent, the work it still is, and how many ended in what way.

Source: redemption advice, sections 4 and 6. An advice is kept for ever; its work only while it is not done, so that looking for
work costs the same however many advices there have been.
"""

from django.db import models
from django.db.models import Q

from accounts.models import Client, Site, Venue
from codes.models.attempts import Attempt


class Advice(models.Model):
    """One report, as sent and as read. Its judgement is an attempt like any other."""

    class Outcome(models.TextChoices):
        REDEEMED = "redeemed", "Redeemed"
        RECORDED = "recorded", "Recorded"
        ALREADY_USED = "already_used", "Already used"
        UNKNOWN_TEXT = "unknown_text", "Unknown text"
        INVALID_TEXT = "invalid_text", "Invalid text"
        WRONG_VENUE = "wrong_venue", "Wrong venue"
        EXPIRED = "expired", "Expired"
        NOT_YET_VALID = "not_yet_valid", "Not yet valid"
        DISABLED = "disabled", "Disabled"
        INVALID_DATE = "invalid_date", "Invalid date"
        INVALID_OFFSET = "invalid_offset", "Invalid offset"
        FAILED = "failed", "Failed"

    class Media(models.TextChoices):
        JSON = "json", "JSON"
        XML = "xml", "XML"

    id = models.UUIDField(primary_key=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", db_index=False)
    venue = models.ForeignKey(Venue, models.PROTECT, null=True, related_name="+", db_index=False)
    received_at = models.DateTimeField()
    media = models.CharField(max_length=4, choices=Media.choices)
    raw = models.BinaryField(max_length=66_000, editable=False, help_text="The body as sent, sealed.")
    text = models.BinaryField(max_length=1_100, null=True, editable=False, help_text="The redemption text, sealed.")
    key_version = models.PositiveSmallIntegerField(editable=False, help_text="Of ``raw`` and ``text``.")
    redemption_type = models.CharField(max_length=50, blank=True)
    happened_at = models.DateTimeField(null=True, help_text="As reported; empty: missing or not readable.")
    offset_minutes = models.SmallIntegerField(null=True, help_text="From UTC, as reported; empty likewise.")
    problem = models.CharField(max_length=20, blank=True, help_text="What could not be read, as its outcome.")
    outcome = models.CharField(max_length=20, blank=True, choices=Outcome.choices, help_text="Empty: not judged yet.")
    decided_at = models.DateTimeField(null=True)
    rounds = models.PositiveSmallIntegerField(default=0, help_text="How often staff had it judged again.")
    attempt = models.OneToOneField(Attempt, models.PROTECT, null=True, related_name="advice")

    class Meta:
        ordering = ["-received_at", "-id"]
        permissions = [("retry_advice", "Can have an advice judged again")]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="", decided_at__isnull=True) | Q(~Q(outcome=""), decided_at__isnull=False),
                name="advice_decided_or_not",
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=["redeemed", "recorded"]) | Q(attempt__isnull=False),
                name="advice_redeemed_has_attempt",
            ),
            models.CheckConstraint(
                condition=Q(problem__in=["", "invalid_text", "invalid_date", "invalid_offset"]),
                name="advice_problem_known",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "-received_at", "-id"], name="advice_by_site"),
            models.Index(
                fields=["site", "outcome", "-received_at", "-id"],
                name="advice_by_rare_outcome",
                condition=~Q(outcome__in=["", "redeemed", "recorded"]),
            ),
            models.Index(
                fields=["venue", "-received_at", "-id"], name="advice_by_venue", condition=Q(venue__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PendingAdvice(models.Model):
    """The work that an advice is until it is judged, or given up after eight tries and left to staff.

    Claiming one counts the try, moves ``due_at`` to the end of the lease and raises ``token``, without which nothing is written.
    """

    advice = models.OneToOneField(Advice, models.PROTECT, primary_key=True, related_name="pending")
    due_at = models.DateTimeField(
        help_text="When it may be claimed: at once, after a pause, or when its lease has ended."
    )
    token = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    leased = models.BooleanField(default=False, help_text="Due while leased means that its worker was lost.")
    parked_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="pending_advice_due", condition=Q(parked_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class AdviceTally(models.Model):
    """How many advices of a site ended in one way in one minute.

    While the minute goes on there are as many rows as there were lists, so that these never wait for each other; a sweep folds
    them into one, which is ``folded``.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    minute = models.DateTimeField()
    outcome = models.CharField(max_length=20)
    count = models.IntegerField()
    folded = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "minute", "outcome"], condition=Q(folded=True), name="advice_tally_folded_once"
            ),
            models.CheckConstraint(condition=Q(count__gt=0), name="advice_tally_positive"),
        ]
        indexes = [
            models.Index(fields=["site", "minute"], name="advice_tally_by_site"),
            models.Index(fields=["minute"], name="advice_tally_to_fold", condition=Q(folded=False)),
            models.Index(fields=["minute"], name="advice_tally_to_delete", condition=Q(folded=True)),
        ]

    def __str__(self) -> str:
        return f"{self.minute} {self.outcome} {self.count}"
