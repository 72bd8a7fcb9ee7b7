"""What clients send, as strict serializers: every field listed, nothing converted, nothing unknown let through."""

from typing import Any

from rest_framework import serializers

from codes.actions.registry import ACTIONS
from codes.formats import FORMATS
from codes.models import Code
from redemption_site.api.fields import Amount, Day, Instant, OneOf, StrictSerializer, Text, TrueOrFalse, WholeNumber

CHANGEABLE = (Code.State.ACTIVE, Code.State.DISABLED, Code.State.DELETED)


class ReversalBody(StrictSerializer):
    reason = Text(max_length=200, help_text="Why, for the record.")
    give_use_back = TrueOrFalse(default=False, help_text="Whether the code may be used once more.")


class BatchBody(StrictSerializer):
    """A batch to be."""

    name = Text(max_length=100, help_text="Unique on the site.")
    count = WholeNumber(
        required=False, min_value=1, max_value=10_000_000, help_text="How many codes; to be given unless `code` is."
    )
    code = Text(
        required=False,
        max_length=100,
        help_text="A word of your own as the only code, such as BURGER: instead of `count`, `format` and `pattern`.",
    )
    action = OneOf(choices=sorted(ACTIONS), default="credit", help_text="What a code does.")
    parameters = serializers.DictField(default=dict, help_text="What that action needs, such as its tags.")
    asset = Text(max_length=12, required=False, help_text="What the value counts, e.g. EUR.")
    value = Amount(required=False, help_text="Worth of one use: money as a text, points as a whole number.")
    uses = WholeNumber(
        default=1,
        min_value=1,
        max_value=1_000_000,
        allow_null=True,
        help_text="How often each code may be used; null: without limit, which is for codes without value.",
    )
    uses_per_claimant = WholeNumber(
        default=1, min_value=1, max_value=1_000_000, help_text="How often one claimant may use one code."
    )
    cooldown_seconds = WholeNumber(
        default=0, min_value=0, max_value=316_224_000, help_text="Wait of a claimant between two codes of the batch."
    )
    venues = serializers.ListField(
        child=Text(max_length=100), default=list, max_length=1_000, help_text="The only ones where it counts."
    )
    first_day = Day(required=False, allow_null=True, help_text="First day of validity; null: at once.")
    last_day = Day(required=False, allow_null=True, help_text="Last day of validity, included; null: no end.")
    time_zone = Text(max_length=64, required=False, help_text="In which the days are read; the site's if not given.")
    format = OneOf(choices=sorted(FORMATS), required=False, help_text="How the codes look; `ours` if not given.")
    pattern = Text(max_length=64, required=False, help_text="For the format 'pattern': # for each random symbol.")
    total_cap = WholeNumber(
        required=False, allow_null=True, min_value=1, max_value=10**12, help_text="Redemptions of all codes together."
    )
    replenish_below = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=10_000_000,
        help_text="When fewer codes than this are free, more are issued; null: never. Comes with replenish_by.",
    )
    replenish_by = WholeNumber(
        required=False, allow_null=True, min_value=1, max_value=10_000_000, help_text="How many are issued then."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Codes are drawn, or one is given."""
        drawn = [name for name in ("count", "format", "pattern", "replenish_below", "replenish_by") if attrs.get(name)]
        if "code" in attrs and drawn:
            raise serializers.ValidationError(dict.fromkeys(drawn, "Left out where the code is given."))
        if "code" not in attrs and "count" not in attrs and "count" in self.fields:
            raise serializers.ValidationError({"count": "This field is required."})
        return {"count": 1, "format": "supplied" if "code" in attrs else "ours", **attrs}


class MoreBody(StrictSerializer):
    count = WholeNumber(min_value=1, max_value=10_000_000, help_text="How many codes.")


class CancellationBody(StrictSerializer):
    reason = Text(required=False, max_length=200, help_text="Why, for the audit.")


class ImportBatch(BatchBody):
    """The batch that imported codes are to be: how many there are and how they look, the file says."""

    count = code = format = pattern = None  # type: ignore[assignment]


class ImportBody(StrictSerializer):
    """What an import says beside its file."""

    batch = ImportBatch(required=False)
    batch_id = WholeNumber(required=False, min_value=1)


class CodeChange(StrictSerializer):
    """What is to be different; what is left out stays."""

    state = OneOf(choices=[state.value for state in CHANGEABLE], required=False)
    valid_from = Instant(required=False, allow_null=True, help_text="First moment of validity; null: always.")
    valid_until = Instant(required=False, allow_null=True, help_text="First moment after validity; null: no end.")
    max_uses = WholeNumber(
        required=False,
        min_value=1,
        max_value=1_000_000,
        allow_null=True,
        help_text="Null: without limit, which is for codes without value.",
    )
    owner = Text(
        required=False, allow_null=True, max_length=100, trim_whitespace=False, help_text="Claimant ID; null: unbound."
    )
    reason = Text(required=False, max_length=200, help_text="Why, for the audit.")
