"""fulfilment: opens a work item, which staff see and close when they have handed the thing over."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError

from codes.actions.base import Action, Effect, refuse_unknown, refuse_value
from codes.models import Attempt, WorkItem
from codes.redemption.case import Case
from codes.redemption.rules import found
from ledger.models import Asset


class Fulfilment(Action):
    name = "fulfilment"
    label = "Have staff hand something over"

    def clean(self, site_id: int, parameters: dict[str, Any], asset: Asset | None, value: int) -> dict[str, Any]:
        """``{"item": "A free coffee"}``: what is to be handed over."""
        refuse_unknown(parameters, "item")
        refuse_value(asset, value)
        item = parameters.get("item")
        if not isinstance(item, str) or not 0 < len(item.strip()) <= 200:
            raise ValidationError({"parameters": ["Say in up to 200 characters what is to be handed over."]})
        return {"item": item.strip()}

    def judge(self, case: Case) -> Effect:
        return Effect({"item": found(case).parameters["item"]}, given={})

    def perform(self, cases: Sequence[Case], now: dt.datetime) -> None:
        WorkItem.objects.bulk_create(
            [
                WorkItem(
                    site_id=found(case).site_id,
                    attempt_id=case.id,
                    claimant_id=case.claimant.id if case.claimant else None,
                    title=found(case).parameters["item"],
                    opened_at=now,
                )
                for case in cases
            ]
        )

    def take_back(self, attempt: Attempt, actor_id: str, now: dt.datetime) -> None:
        WorkItem.objects.filter(attempt=attempt).exclude(state=WorkItem.State.CANCELLED).update(
            state=WorkItem.State.CANCELLED, closed_at=now, closed_by=actor_id, note="The redemption was reversed."
        )
