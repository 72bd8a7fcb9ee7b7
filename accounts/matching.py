"""Match specifications: which items of a site all, any and excluded search terms select.

Source: access codes, section 6. A term is ``metatypeName:propertyName:value``, ``propertyName:value`` or ``value``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.models import Item, ItemProperty

DEFAULT_META_TYPE = "Book"
DEFAULT_PROPERTY = "AdminTags"
WHOLE_META_TYPE = "MetaType"
FULL_TEXT = "pageFullText"
PARTS = ("all", "any", "excluded")


class InvalidTerm(ValueError):
    """A search term that cannot be read; ``term`` is the text."""

    def __init__(self, term: str) -> None:
        super().__init__(term)
        self.term = term


@dataclass(frozen=True, slots=True)
class Term:
    """One search term. With ``name`` empty it stands for every item of the meta-type."""

    meta_type: str
    name: str
    value: str

    def condition(self) -> Q:
        """Values are compared as whole strings, exactly; of a list one equal element is enough."""
        if not self.name:
            return Q(meta_type=self.meta_type)
        same = ItemProperty.objects.filter(item=OuterRef("pk"), name=self.name, value=self.value)
        return Q(Exists(same), meta_type=self.meta_type)


def read_term(text: str) -> Term:
    """Raises InvalidTerm on an empty part, and on full text, which codes do not search."""
    parts = text.split(":", 2)
    if parts[0] == WHOLE_META_TYPE and len(parts) == 2:
        term = Term(parts[1], "", "")
        if not term.meta_type:
            raise InvalidTerm(text)
        return term
    if len(parts) == 3:
        term = Term(*parts)
    elif len(parts) == 2:
        term = Term(DEFAULT_META_TYPE, *parts)
    else:
        term = Term(DEFAULT_META_TYPE, DEFAULT_PROPERTY, text)
    if not (term.meta_type and term.name and term.value) or term.name == FULL_TEXT:
        raise InvalidTerm(text)
    return term


def read_terms(specification: Mapping[str, Any]) -> dict[str, list[Term]]:
    """The terms of each part that the specification has. Raises InvalidTerm."""
    return {part: [read_term(text) for text in specification.get(part, ())] for part in PARTS}


def matching_items(site_id: int, specification: Mapping[str, Sequence[str]], most: int) -> list[int]:
    """The IDs of the site's items that match, in the order they were made; at most one more than ``most``.

    An item matches every term of ``all``, one of ``any`` if there are any, and none of ``excluded``. Raises InvalidTerm.
    """
    terms = read_terms(specification)
    wanted = Q()
    for term in terms["all"]:
        wanted &= term.condition()
    anyone = Q()
    for term in terms["any"]:
        anyone |= term.condition()
    wanted &= anyone
    for term in terms["excluded"]:
        wanted &= ~term.condition()
    found = Item.objects.filter(wanted, site_id=site_id).order_by("pk").values_list("pk", flat=True)
    return list(found[: most + 1])
