from django.db import models

from ledger.models.accounts import LedgerAccount
from ledger.models.assets import Asset


class BatchSum(models.Model):
    """What had moved for a batch from one purpose to another, up to and including an instant.

    Derived from the transfers and from nothing else (ledger/summing.py), so that reading a batch of millions of redemptions need
    add only those since. A customer's account has no purpose. Rows may be deleted at any time: they are made anew.
    """

    batch_number = models.BigIntegerField()
    booked_through = models.DateTimeField()
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+", db_index=False)
    source = models.CharField(max_length=12, choices=LedgerAccount.Purpose.choices, blank=True)
    target = models.CharField(max_length=12, choices=LedgerAccount.Purpose.choices, blank=True)
    amount = models.BigIntegerField(help_text="Minor units, since the batch's first transfer.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch_number", "booked_through", "asset", "source", "target"], name="batchsum_once"
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="batchsum_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of batch {self.batch_number} from {self.source} to {self.target}"


class BatchTally(models.Model):
    """About how many transfers a batch has had since its last sums: says only whether new ones are worth making.

    Batch 0 stands for the transfers of no batch.
    """

    batch_number = models.BigIntegerField(primary_key=True)
    transfers = models.BigIntegerField(default=0)
    through = models.BigIntegerField(default=0, help_text="The last transfer that was counted.")

    def __str__(self) -> str:
        return f"{self.transfers} transfers of batch {self.batch_number}"
