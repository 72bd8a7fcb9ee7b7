"""The form behind "Issue codes": what staff type becomes a NewBatch; whatever the deed refuses is shown at its field."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError

from accounts.admin.deeds import DeskForm, SiteField
from accounts.offering import find_offers
from codes.actions.offers import MATCH, OFFER, ApplyOffer, ApplyOfferMatch
from codes.actions.registry import ACTIONS
from codes.admin.replenish_deed import BELOW, BY, number
from codes.formats import FORMATS
from codes.models.terms import UNLIMITED_USES
from codes.terms import MOST_CODES, NewBatch
from ledger.admin.money import minor_units
from ledger.models import Asset

VALUE_ACTIONS = ",".join(name for name, action in ACTIONS.items() if action.moves_value)
# Which field of the form each parameter of an action is typed into; an action without one here is typed as JSON.
PARAMETER_FIELDS = {"add_tags": "tags", "fulfilment": "item", "refund": "booking"}
OFFER_ACTIONS = ",".join(name for name, action in ACTIONS.items() if isinstance(action, ApplyOffer))
MATCH_ACTIONS = ",".join(name for name, action in ACTIONS.items() if isinstance(action, ApplyOfferMatch))
WHAT_A_CODE_DOES = (
    *("action", "asset", "value", "tags", "item", "booking"),
    *("offer", "match_all", "match_any", "match_excluded"),
)
SUPPLIED = "supplied"
NUMBER = {"inputmode": "numeric", "autocomplete": "off"}


def terms_field(label: str, help_text: str) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "data-when": f"action={MATCH_ACTIONS}"})
    return forms.CharField(required=False, label=label, help_text=help_text, widget=widget)


def day() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class IssueForm(DeskForm):
    """``data-when`` names the choice for which a field is shown; without JavaScript all are."""

    site = SiteField()
    name = forms.CharField(max_length=100, help_text="Unique within the site; lists and receipts name codes by it.")
    count = forms.IntegerField(
        min_value=1, max_value=MOST_CODES, label="Codes", initial=100, widget=forms.NumberInput(attrs=NUMBER)
    )
    total_cap = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10**12,
        label="Cap on redemptions",
        widget=forms.NumberInput(attrs=NUMBER),
        help_text="Of all codes of the batch together. Empty: no cap.",
    )
    replenish_below = number("Replenish below", BELOW)
    replenish_by = number("Replenish by", BY)
    action = forms.ChoiceField(choices=[(name, action.label) for name, action in ACTIONS.items()], label="A code will")
    asset = forms.ModelChoiceField(
        queryset=Asset.objects.order_by("code"),
        to_field_name="code",
        required=False,
        empty_label="none",
        widget=forms.Select(attrs={"data-when": f"action={VALUE_ACTIONS}"}),
    )
    value = forms.CharField(
        required=False,
        max_length=20,
        label="Worth of one use",
        widget=forms.TextInput(
            attrs={"inputmode": "decimal", "autocomplete": "off", "data-when": f"action={VALUE_ACTIONS}"}
        ),
        help_text="In the asset's own decimals: 12.50",
    )
    tags = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"data-when": "action=add_tags"}),
        help_text="Separated by commas. Tags that the site does not have are made.",
    )
    item = forms.CharField(
        required=False,
        max_length=200,
        label="To be handed over",
        widget=forms.TextInput(attrs={"data-when": "action=fulfilment"}),
        help_text="Staff read it in the list of work items: A free coffee",
    )
    booking = forms.CharField(
        required=False,
        max_length=50,
        widget=forms.TextInput(attrs={"data-when": "action=refund"}),
        help_text="ID of the ledger transaction that took the value.",
    )
    offer = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "data-when": f"action={OFFER_ACTIONS}"}
        ),
        help_text="Its ID or its number. The licence takes its terms.",
    )
    match_all = terms_field("Items that match all of", "Search terms, one a line: ProductId:09238443")
    match_any = terms_field(
        "Items that match one of", "One a line. A word alone is looked for among a book's AdminTags."
    )
    match_excluded = terms_field("But none of", "One a line.")
    uses = forms.IntegerField(
        min_value=1, max_value=10**6, initial=1, label="Uses of a code", widget=forms.NumberInput(attrs=NUMBER)
    )
    unlimited = forms.BooleanField(
        required=False,
        label="Without a limit",
        help_text="For a word that everybody may use, such as BURGER: uses are counted and never end. Not for codes with value.",
    )
    uses_per_claimant = forms.IntegerField(
        min_value=1, max_value=10**6, initial=1, label="Uses per claimant", widget=forms.NumberInput(attrs=NUMBER)
    )
    cooldown_seconds = forms.IntegerField(
        min_value=0,
        max_value=10 * 366 * 86_400,
        initial=0,
        label="Cool-down in seconds",
        widget=forms.NumberInput(attrs=NUMBER),
        help_text="Between two redemptions of the batch by one claimant; 86400 is a day.",
    )
    venues = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="IDs of the only venues where it counts, one a line. Empty: everywhere.",
    )
    valid_from = forms.DateField(required=False, label="First day", widget=day(), help_text="Empty: at once.")
    valid_until = forms.DateField(
        required=False, label="Last day", widget=day(), help_text="Included. Empty: without end."
    )
    time_zone = forms.ChoiceField(choices=[(name, name) for name in sorted(available_timezones())], initial="UTC")
    format = forms.ChoiceField(
        choices=[*((each.name, each.label) for each in FORMATS.values()), (SUPPLIED, "A word of your own")],
        initial="ours",
    )
    word = forms.CharField(
        required=False,
        max_length=100,
        label="The word",
        widget=forms.TextInput(attrs={"data-when": f"format={SUPPLIED}", "autocomplete": "off", "spellcheck": "false"}),
        help_text="The batch's only code, such as BURGER. At least 4 letters or digits; O and 0, and I, L and 1 count as equal.",
    )
    pattern = forms.CharField(
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"data-when": "format=pattern", "autocomplete": "off", "spellcheck": "false"}),
        help_text="SUMMER-####-####-#### for example.",
    )

    sections = {
        "The batch": ("site", "name", "count", "total_cap", "replenish_below", "replenish_by"),
        "What a code does": WHAT_A_CODE_DOES,
        "How often": ("uses", "unlimited", "uses_per_claimant", "cooldown_seconds"),
        "When and where": ("valid_from", "valid_until", "time_zone", "venues"),
        "How codes look": ("format", "pattern", "word"),
    }

    def clean_venues(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["venues"].splitlines() if line.strip()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        asset, value = data.get("asset"), data.get("value")
        data["minor_units"] = 0
        if value and asset is None and "asset" not in self.errors:
            self.add_error("asset", "Say in which asset the value is.")
        if value and asset is not None:
            try:
                data["minor_units"] = minor_units(asset, value)
            except ValidationError as error:
                self.add_error("value", error)
        if data.get("format") == SUPPLIED:
            data["count"] = 1
            if not data.get("word"):
                self.add_error("word", "Give the word.")
        return data

    def licence_parameters(self) -> dict[str, Any]:
        """What is typed for the actions that license: digits are a number, unless an offer's ID consists of them."""
        data, offer = self.cleaned_data, self.cleaned_data["offer"].strip()
        parameters: dict[str, Any] = {}
        if offer:
            is_number = offer.isascii() and offer.isdigit() and not find_offers(data["site"].pk, {offer})
            parameters["access_control"] = int(offer) if is_number else offer
        if isinstance(ACTIONS[data["action"]], ApplyOfferMatch):
            parameters["match"] = {
                part: [line.strip() for line in data[f"match_{part}"].splitlines() if line.strip()]
                for part in ("all", "any", "excluded")
            }
        return parameters

    def parameters(self) -> dict[str, Any]:
        data = self.cleaned_data
        if isinstance(ACTIONS[data["action"]], ApplyOffer):
            return self.licence_parameters()
        if data["action"] == "add_tags":
            return {"tags": [tag.strip() for tag in data["tags"].split(",") if tag.strip()]}
        name = PARAMETER_FIELDS.get(data["action"])
        return {name: data[name]} if name else {}

    def new_batch(self, caller_key: str, actor_id: str) -> NewBatch:
        """What was asked for, for a form that is valid."""
        data = self.cleaned_data
        plain = (
            "name", "count", "total_cap", "replenish_below", "replenish_by", "action", "uses_per_claimant",
            "cooldown_seconds", "venues", "valid_from", "valid_until", "time_zone", "format",
        )  # fmt: skip
        return NewBatch(
            site_id=data["site"].pk,
            parameters=self.parameters(),
            asset_code=data["asset"].code if data["asset"] else "",
            value=data["minor_units"],
            uses=UNLIMITED_USES if data["unlimited"] else data["uses"],
            pattern=data["pattern"] if data["format"] == "pattern" else "",
            caller_key=caller_key,
            actor_id=actor_id,
            idempotency_key=self.key,
            **{name: data[name] for name in plain},
        )

    def at_its_field(self, error: ValidationError) -> ValidationError:
        """The deed's errors with the names of this form: parameters are typed into a field of the action's own."""
        if not hasattr(error, "error_dict"):
            return error
        named = dict(error.message_dict)
        if "codes" in named:
            named["word"] = named.pop("codes")
        if "parameters" in named:
            codes = {each.code for each in error.error_dict["parameters"]}
            field = "match_all" if MATCH in codes else "offer" if OFFER in codes else None
            named[field or PARAMETER_FIELDS.get(self.cleaned_data["action"], "action")] = named.pop("parameters")
        return ValidationError(named)
