"""add_tags: puts tags on the claimant, and remembers which of them were new, for a reversal takes back exactly those."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError

from accounts.granting import give_tags, tags_named, take_tags
from accounts.models import Tag, UserTag
from codes.actions.base import Action, Effect, refuse_unknown, refuse_value
from codes.models import Attempt
from codes.redemption.case import Case
from codes.redemption.rules import found
from codes.refusals import TargetMissing
from ledger.models import Asset

MOST_TAGS = 1_000


class AddTags(Action):
    name = "add_tags"
    label = "Put tags on the claimant"

    def clean(self, site_id: int, parameters: dict[str, Any], asset: Asset | None, value: int) -> dict[str, Any]:
        """``{"tags": ["member", …]}``, one to a thousand; tags that the site does not have are made."""
        refuse_unknown(parameters, "tags")
        refuse_value(asset, value)
        tags = parameters.get("tags")
        if not isinstance(tags, list) or not all(isinstance(t, str) and 0 < len(t.strip()) <= 100 for t in tags):
            raise ValidationError({"parameters": ["Give the tags as a list of words of up to 100 characters."]})
        names = list(dict.fromkeys(tag.strip() for tag in tags))
        if not 1 <= len(names) <= MOST_TAGS:
            raise ValidationError({"parameters": [f"Give one to {MOST_TAGS:,} tags."]})
        tags_named(site_id, names)
        return {"tags": names}

    def load(self, cases: Sequence[Case]) -> None:
        names = {name for case in cases for name in found(case).parameters["tags"]}
        sites = {found(case).site_id for case in cases}
        tags = {(tag.site_id, tag.name): tag.pk for tag in Tag.objects.filter(site__in=sites, name__in=names)}
        users = {case.claimant.id for case in cases if case.claimant}
        worn = set(UserTag.objects.filter(user__in=users, tag__in=tags.values()).values_list("user_id", "tag_id"))
        for case in cases:
            case.extra = {"tags": tags, "worn": worn}  # Shared, so that a later case knows what an earlier one gave.

    def judge(self, case: Case) -> Effect:
        code, names = found(case), found(case).parameters["tags"]
        assert case.claimant is not None
        tags = [case.extra["tags"].get((code.site_id, name)) for name in names]
        if None in tags:
            raise TargetMissing
        new = [tag for tag in tags if (case.claimant.id, tag) not in case.extra["worn"]]
        return Effect({"tags": names}, given={"tags": new})

    def remember(self, case: Case) -> None:
        assert case.claimant is not None
        assert case.effect is not None
        given = (case.effect.given or {})["tags"]
        case.extra["worn"].update((case.claimant.id, tag) for tag in given)

    def perform(self, cases: Sequence[Case], now: dt.datetime) -> None:
        give_tags(
            (
                (case.claimant.id, tag)
                for case in cases
                if case.claimant and case.effect and case.effect.given
                for tag in case.effect.given["tags"]
            ),
            now,
        )

    def take_back(self, attempt: Attempt, actor_id: str, now: dt.datetime) -> None:
        assert attempt.claimant_id is not None
        claimant_id = attempt.claimant_id
        take_tags((claimant_id, tag) for tag in (attempt.given or {}).get("tags", []))
