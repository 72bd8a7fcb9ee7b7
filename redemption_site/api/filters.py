"""Filters of the lists, by django-filter; each also says how the schema describes it."""

import re
from typing import Any, ClassVar, TypeVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from codes.export_formats import FORMATS
from codes.models import Attempt, Batch, Code
from redemption_site.api import paging
from redemption_site.api.fields import read_instant
from redemption_site.api.problems import Invalid
from redemption_site.edge.answers import ANSWERS
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import is_plain

M = TypeVar("M", bound=Model)
LARGEST_ID = 10**18 - 1
WHOLE = re.compile(r"[0-9]{1,18}")


class WholeNumberField(forms.Field):
    def to_python(self, value: Any) -> int | None:
        if value in (None, ""):
            return None
        if not WHOLE.fullmatch(value):
            raise ValidationError("A whole number is wanted here.")
        return int(value)


class InstantField(forms.Field):
    def to_python(self, value: Any) -> Any:
        if value in (None, ""):
            return None
        instant = read_instant(value)
        if instant is None:
            raise ValidationError("An instant with its offset is wanted here, as 2026-01-31T12:00:00Z.")
        return instant


class TextField(forms.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"strip": False, "max_length": 100, **options})

    def clean(self, value: Any) -> Any:
        if value and not is_plain(value):
            raise ValidationError("Control characters are not allowed here.")
        return super().clean(value)


class Described:
    """A filter with its schema: ``of`` is the JSON schema of its values, ``help`` what it does."""

    field_class: Any
    of: dict[str, Any]


class WholeNumber(Described, django_filters.Filter):
    field_class = WholeNumberField
    of = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}


class Instant(Described, django_filters.Filter):
    field_class = InstantField
    of = {"type": "string", "format": "date-time"}


class Text(Described, django_filters.Filter):
    field_class = TextField
    of = {"type": "string", "minLength": 1, "maxLength": 100}


class Choice(Described, django_filters.ChoiceFilter):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.of = {"type": "string", "enum": [value for value, _ in options["choices"]]}


class StrictFilterSet(django_filters.FilterSet):
    """Refuses what it does not know: a mistyped filter must not answer the whole list."""

    paged: ClassVar[bool] = True
    sieves: ClassVar[frozenset[str]] = frozenset()  # Filters that no index answers in the list's order.
    narrow: ClassVar[frozenset[str]] = (
        frozenset()
    )  # Filters that leave so few rows that any others are answered at once.

    @classmethod
    def parameters(cls) -> list[OpenApiParameter]:
        """How the schema describes the filters, and the paging that goes with them."""
        filters = [
            OpenApiParameter(
                name,
                each.of,
                required=bool(each.extra.get("required")),
                description=str(each.extra.get("help_text", "")),
            )
            for name, each in cls.base_filters.items()
        ]
        if not cls.paged:
            return filters
        return [
            *filters,
            OpenApiParameter("cursor", {"type": "string"}, description="`next_cursor` of the page before."),
            OpenApiParameter(
                "page_size",
                {"type": "integer", "minimum": 1, "maximum": paging.LARGEST_PAGE, "default": paging.PAGE_SIZE},
                description="Rows on a page.",
            ),
        ]

    @classmethod
    def applied(cls, request: Request, rows: "QuerySet[M]") -> "QuerySet[M]":
        """The rows that pass. Raises Invalid."""
        return cls.checked(request, rows).qs

    @classmethod
    def scope(cls, request: Request, rows: "QuerySet[M]") -> "QuerySet[M] | None":
        """The rows that pass the filters which an index answers; None where no other filter was given."""
        given = request.query_params
        if not cls.sieves.intersection(given) or cls.narrow.intersection(given):
            return None
        return cls({name: value for name, value in given.items() if name not in cls.sieves}, rows, request=request).qs

    @classmethod
    def checked(cls, request: Request, rows: "QuerySet[M]") -> "StrictFilterSet":
        """What was given, read. Raises Invalid."""
        given = request.query_params
        known = {*cls.base_filters, *(paging.PARAMETERS if cls.paged else ())}
        unknown = [(name, "There is no such filter.") for name in given if name not in known]
        twice = [(name, "Given more than once.") for name in given if name in known and len(given.getlist(name)) > 1]
        empty = [
            (name, "Empty: leave it out.") for name, value in given.items() if name in cls.base_filters and not value
        ]
        if unknown or twice or empty:
            raise Invalid(unknown + twice + empty)
        found = cls(given, rows, request=request)
        if not found.is_valid():
            raise Invalid([(name, message) for name, messages in found.errors.items() for message in messages])
        return found


class AttemptFilters(StrictFilterSet):
    batch = WholeNumber(field_name="batch_id", help_text="ID of the batch.")
    serial = WholeNumber(method="of_serial", help_text="Number of the code within its batch.")
    claimant_id = Text(field_name="claimant__claimant_id", help_text="Of the claimant, exactly.")
    outcome = Choice(choices=Attempt.Outcome.choices, help_text="Redeemed or refused.")
    reason = Choice(choices=[(each.reason, each.reason) for each in ANSWERS], help_text="Why it was refused.")
    reference = Text(field_name="reference", help_text="The caller's own reference, exactly.")
    since = Instant(field_name="decided_at", lookup_expr="gte", help_text="Decided then or later.")
    until = Instant(field_name="decided_at", lookup_expr="lt", help_text="Decided before then.")

    sieves = frozenset({"outcome", "reason"})
    narrow = frozenset({"serial", "claimant_id", "reference"})

    class Meta:
        model = Attempt
        fields: ClassVar[list[str]] = []

    def of_serial(self, rows: "QuerySet[Attempt]", name: str, value: int) -> "QuerySet[Attempt]":
        """By the codes, of which each batch has one, and not by the attempts."""
        codes = Code.objects.filter(serial=value)
        batch = self.form.cleaned_data.get("batch")
        codes = (
            codes.filter(batch_id=batch)
            if batch is not None
            else codes.filter(batch__site_id=caller_of(self.request).site_id)
        )
        return rows.filter(code__in=codes.values("pk"))


class BatchFilters(StrictFilterSet):
    name = Text(field_name="name", help_text="Of the batch, exactly.")
    state = Choice(choices=Batch.State.choices, help_text="Of the batch.")

    class Meta:
        model = Batch
        fields: ClassVar[list[str]] = []


class CodeFilters(StrictFilterSet):
    batch = WholeNumber(field_name="batch_id", help_text="ID of the batch.")
    serial = WholeNumber(field_name="serial", help_text="Number of the code within its batch.")
    state = Choice(choices=Code.State.choices, help_text="As stored; an expired code is still active.")
    owner = Text(field_name="owner__claimant_id", help_text="Claimant ID of whom the code is bound to.")
    code = Text(
        method="of_spelling",
        help_text="The code itself, in any spelling. A miss counts as a failed look-up.",
    )

    class Meta:
        model = Code
        fields: ClassVar[list[str]] = []

    def of_spelling(self, rows: "QuerySet[Code]", name: str, value: str) -> "QuerySet[Code]":
        return rows  # Looked up by the view, which counts the misses.


class ExportQuestion(StrictFilterSet):
    """What an export is asked for: no list, so nothing pages."""

    format = Choice(choices=[(name, name) for name in FORMATS], help_text="How the rows are written; csv if not given.")
    state = Choice(choices=Code.State.choices, help_text="As stored; any if not given.")
    from_serial = WholeNumber(help_text="The first serial; 1 if not given.")
    to_serial = WholeNumber(help_text="The last serial, included; the last there is if not given.")
    after = WholeNumber(help_text="Go on behind this serial, without the heading.")
    reason = Text(required=True, max_length=200, help_text="Why, for the audit.")

    class Meta:
        model = Code
        fields: ClassVar[list[str]] = []

    paged = False

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """What was asked, checked. Raises Invalid."""
        asked = cls.checked(request, Code.objects.none()).form.cleaned_data
        return {**asked, "format": asked["format"] or "csv", "state": asked["state"] or ""}
