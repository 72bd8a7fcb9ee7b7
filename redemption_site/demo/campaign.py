"""The demonstration's large batch, which the workers issue while somebody looks on."""

from accounts.models import Site
from codes import issuing
from codes.models import Batch
from redemption_site.demo.people import ACTOR

NAME = "Winter campaign"
CODES = 100_000


def order_campaign(site: Site) -> Batch:
    """The batch; ordered if there is none yet, and left to whoever works orders."""
    batch = Batch.objects.filter(site=site, name=NAME).first()
    if batch is not None:
        return batch
    order, _ = issuing.order_batch(
        issuing.NewBatch(
            site_id=site.pk,
            name=NAME,
            count=CODES,
            caller_key=ACTOR,
            actor_id=ACTOR,
            asset_code="EUR",
            value=250,
            replenish_below=10_000,
            replenish_by=10_000,
        )
    )
    return order.batch
