from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from accounts.models import User
from codes.models.batches import Batch
from codes.models.jobs import Job
from codes.models.terms import Terms


class CodeImport(Job):
    """A file of codes made elsewhere, and the check of its rows. Nothing becomes a code before somebody confirms.

    The job is the check; it is done when every row is judged. Confirming makes an ``IssueOrder`` whose ``source`` it is.
    """

    batch = models.ForeignKey(
        Batch,
        models.PROTECT,
        null=True,
        related_name="imports",
        help_text="The living batch to join; empty: a new one.",
    )
    ordered = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="The batch and terms that were asked for, as NewBatch."
    )
    file_name = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(help_text="Of the file, in bytes.")
    layout = models.JSONField(default=dict, help_text="Encoding, separator and columns that were found.")
    pieces = models.PositiveIntegerField(default=0, help_text="Sealed pieces the file was stored in.")
    read = models.PositiveBigIntegerField(default=0, help_text="Bytes of the file that have been checked.")
    line = models.PositiveBigIntegerField(default=0, help_text="Lines of the file that have been checked.")
    rows = models.PositiveBigIntegerField(default=0)
    good = models.PositiveBigIntegerField(default=0)
    bad = models.PositiveBigIntegerField(default=0)
    known = models.PositiveBigIntegerField(default=0, help_text="Good rows whose code the site has already.")
    repeated = models.PositiveBigIntegerField(default=0, help_text="Rows whose code stands in the file before.")
    worth = models.BigIntegerField(default=0, help_text="Of all uses of the good rows, in minor units.")
    confirmed_at = models.DateTimeField(null=True, help_text="When its codes were ordered.")
    taken = models.PositiveBigIntegerField(default=0, help_text="Line up to which good rows have become codes.")

    class Meta(Job.Meta):
        verbose_name = "import"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(rows=F("good") + F("bad") + F("known") + F("repeated")), name="codeimport_rows_add_up"
            ),
            models.CheckConstraint(condition=Q(worth__gte=0), name="codeimport_worth_not_negative"),
        ]
        indexes = [
            *Job.Meta.indexes,
            # Those that wait for somebody to confirm them: the sweep discards them after a while.
            models.Index(
                fields=["finished_at"],
                condition=Q(confirmed_at__isnull=True, state__in=["done", "failed"]),
                name="codeimport_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name or f"import {self.pk}"

    @property
    def progress(self) -> tuple[int, int]:
        return self.read, self.size


class ImportPiece(models.Model):
    """A piece of the file as it was sent, sealed; gone once it has been checked."""

    source = models.ForeignKey(CodeImport, models.CASCADE, related_name="stored_pieces", db_index=False)
    number = models.PositiveIntegerField()
    key_version = models.PositiveSmallIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="importpiece_number")]

    def __str__(self) -> str:
        return f"{self.source_id}-{self.number}"


class ImportRow(models.Model):
    """One row of the file as it was judged: a code to be, sealed, or why it cannot be one. Kept until it is a code."""

    source = models.ForeignKey(CodeImport, models.CASCADE, related_name="judged_rows", db_index=False)
    line = models.PositiveBigIntegerField(help_text="In the file, the heading being line 1.")
    problem = models.CharField(max_length=200, blank=True, help_text="Why it is not imported; empty: it is.")
    column = models.CharField(max_length=20, blank=True, help_text="Which column the problem is in.")
    digest = models.BinaryField(
        max_length=16, null=True, help_text="Of the canonical form, under no key of the codes: finds repeats."
    )
    lookup_odd = models.BinaryField(max_length=16, null=True, help_text="As in Code; so the next one.")
    lookup_even = models.BinaryField(max_length=16, null=True)
    key_version = models.PositiveSmallIntegerField(null=True)
    sealed = models.BinaryField(max_length=200, null=True)
    uses = models.PositiveIntegerField(null=True, help_text="Here and below, empty: as the batch's terms say.")
    value = models.BigIntegerField(null=True, help_text="Of one use, in minor units.")
    valid_from = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    owner = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "line"], name="importrow_line")]
        indexes = [
            models.Index(fields=["source", "digest"], condition=Q(digest__isnull=False), name="importrow_by_digest"),
            models.Index(fields=["source", "line"], condition=~Q(problem=""), name="importrow_problems"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}-{self.line}"


class ImportTerms(models.Model):
    """The terms of the codes whose rows have a value of their own: one row for each such value, made on confirmation."""

    source = models.ForeignKey(CodeImport, models.CASCADE, related_name="own_terms", db_index=False)
    value = models.BigIntegerField(help_text="Of one use, in minor units.")
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "value"], name="importterms_value")]

    def __str__(self) -> str:
        return f"{self.source_id}: {self.value}"
