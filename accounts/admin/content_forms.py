"""Fields of the desk's forms about content: one thing a line, and names that must be somebody's of the site."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import AccountSet, Item, Offer, Site, User
from accounts.pricing import minor_units, written
from accounts.selling import Price, prices_of
from accounts.wording import named

LONGEST_LIST = 1_200_000  # 10,000 IDs with room to spare.


class LinesField(forms.CharField):
    """One text a line; empty lines are left out."""

    def __init__(self, *, rows: int = 4, max_length: int = 100_000, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocapitalize": "none"})
        super().__init__(widget=widget, max_length=max_length, **kwargs)

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in (super().clean(value) or "").splitlines() if line.strip()]


class PropertiesField(LinesField):
    """``name: value`` a line; a name again is another value of it."""

    def clean(self, value: Any) -> Any:
        found: dict[str, list[str]] = {}
        for line in super().clean(value):
            name, colon, text = (part.strip() for part in line.partition(":"))
            if not (name and colon and text):
                raise ValidationError(f"“{line[:80]}”: write a name, a colon and a value.")
            found.setdefault(name, []).append(text)
        return found


def properties_text(properties: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, values in properties.items() for value in values)


def sets_named(site_id: int, names: list[str], field: str) -> list[AccountSet]:
    """Raises ValidationError if the site has no such account set."""
    found = {each.name: each for each in AccountSet.objects.filter(site_id=site_id, name__in=names)}
    if unknown := set(names) - set(found):
        raise ValidationError({field: [f"This site has no account set {named(unknown)}."]})
    return [found[name] for name in names]


def read_prices(site_id: int, lines: list[str]) -> list[Price]:
    """``12.50 EUR`` or ``9.90 EUR Members`` a line. Raises ValidationError."""
    parts = [line.split(maxsplit=2) for line in lines]
    sets = {each.name: each for each in sets_named(site_id, sorted({p[2] for p in parts if len(p) == 3}), "prices")}
    prices = []
    for line, words in zip(lines, parts, strict=True):
        try:
            amount, currency = words[0], words[1].upper()
            prices.append(Price(minor_units(amount, currency), currency, sets[words[2]] if len(words) == 3 else None))
        except (ValueError, IndexError) as error:
            raise ValidationError({"prices": [f"“{line[:80]}”: write it like 12.50 EUR."]}) from error
    return prices


def prices_text(offer: Offer) -> str:
    return "\n".join(
        written(price.amount, price.currency).replace(",", "") + (f" {price.account_set}" if price.account_set else "")
        for price in prices_of(offer)
    )


def item_named(site: Site, external_id: str, field: str = "item") -> Item:
    item = Item.objects.filter(site=site, external_id=external_id).first()
    if item is None:
        raise ValidationError({field: [f"This site has no item {external_id}."]})
    return item


def offer_named(site: Site, text: str) -> Offer:
    """By its ID, else by its number."""
    living = Offer.objects.filter(site=site, archived_at=None).select_related("item")
    offer = living.filter(external_id=text).first()
    if offer is None and text.isdecimal() and len(text) < 17:
        offer = living.filter(number=int(text)).first()
    if offer is None:
        raise ValidationError({"offer": [f"This site has no offer {text} that can still be given."]})
    return offer


def claimant_named(site: Site, text: str) -> User:
    """By their ID, else by their e-mail address."""
    users = User.objects.filter(site=site)
    user = users.filter(claimant_id=text).first() or users.filter(email=text.lower()).first()
    if user is None:
        raise ValidationError({"claimant": [f"This site has no claimant {text}."]})
    return user
