"""Terms of codes that open content: the one place that writes them. Terms never change, so a change of a code is a row of terms."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.granting import tags_named
from accounts.offering import AccessId
from codes.changing import UNCHANGED
from codes.content_codes import PARAMETERS
from codes.models import Code, Terms

TERMS_A_STATEMENT = 5_000


@dataclass(frozen=True, kw_only=True)
class Opens:
    """What a code gives. What its action does not use is not looked at; the door has judged the rest.

    ``access_control`` names an offer, or by number a licence; ``match`` has search terms under all, any and excluded.
    """

    tags: Sequence[str] = UNCHANGED
    access_control: AccessId = UNCHANGED
    match: dict[str, list[str]] = UNCHANGED

    def parameters(self, action: str, before: dict[str, Any]) -> dict[str, Any]:
        """The parameters of an action as terms store them; what is not given stays as it was before."""
        given = {name: getattr(self, name) for name in PARAMETERS[action]}
        return {**before, **{name: value for name, value in given.items() if value is not UNCHANGED}}


def write_terms(terms: Iterable[Terms]) -> list[Terms]:
    """Write the rows; tags that the site does not have are made."""
    rows = list(terms)
    for site_id in {row.site_id for row in rows}:
        tags_named(site_id, {tag for row in rows if row.site_id == site_id for tag in row.parameters.get("tags", ())})
    return Terms.objects.bulk_create(rows)


def reword(terms_ids: Sequence[int], opens: Opens) -> dict[int, list[int]]:
    """ID of new terms → IDs of the terms that they take the place of, among these; those that stay as they are are missing.

    Terms that become alike share one row.
    """
    alike: dict[str, tuple[Terms, list[int]]] = {}
    for start in range(0, len(terms_ids), TERMS_A_STATEMENT):
        for terms in Terms.objects.filter(pk__in=terms_ids[start : start + TERMS_A_STATEMENT]):
            parameters = opens.parameters(terms.action, terms.parameters)
            # Texts, for 118226 and "118226" are different, and so are two orders of the same tags.
            if repr(parameters) == repr(terms.parameters):
                continue
            fresh = copied(terms, parameters)
            alike.setdefault(repr(sorted(facts(fresh).items())), (fresh, []))[1].append(terms.pk)
    written = write_terms(fresh for fresh, _ in alike.values())
    return {fresh.pk: before for fresh, (_, before) in zip(written, alike.values(), strict=True)}


def facts(terms: Terms) -> dict[str, Any]:
    return {
        field.attname: getattr(terms, field.attname) for field in Terms._meta.concrete_fields if not field.primary_key
    }


def copied(terms: Terms, parameters: dict[str, Any]) -> Terms:
    return Terms(**{**facts(terms), "parameters": parameters})


def terms_of(codes: "QuerySet[Code]") -> list[int]:
    """The IDs of the terms that a queryset of codes has."""
    return list(codes.order_by().values_list("terms_id", flat=True).distinct())


def give_terms(codes: "QuerySet[Code]", replaced: dict[int, list[int]]) -> None:
    """Have each of the codes, which are locked, follow the terms that took the place of its own."""
    for fresh, before in replaced.items():
        for start in range(0, len(before), TERMS_A_STATEMENT):
            codes.filter(terms__in=before[start : start + TERMS_A_STATEMENT]).update(terms=fresh)
