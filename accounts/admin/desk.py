"""What every list and page of the desk has in common: scoped to the reader's sites, read-only but for its deeds."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from accounts import auditing
from accounts.admin.deeds import Deed
from accounts.admin.paging import KeysetChangeList
from accounts.admin.scope import actor_id, may, site_ids_where, staff_of, view_permission

IN_HEADER = 4  # Buttons that fit above a page; a page with more of them shows the rest itself (admin/more_deeds.html).


class DeskAdmin(ModelAdmin):
    """Rows of the reader's sites: seen, never edited in place. What may be done to them are ``deeds``."""

    site_field: ClassVar[str] = "site_id"  # From the row to its site.
    deeds: ClassVar[Sequence[type[Deed]]] = ()  # Buttons on a row's page.
    list_deeds: ClassVar[Sequence[type[Deed]]] = ()  # Buttons above the list.
    detail_select_related: ClassVar[Sequence[str]] = ()
    list_defer: ClassVar[Sequence[str]] = ()  # Wide columns that no list shows.
    sieves: ClassVar[frozenset[str]] = frozenset()
    never_read: ClassVar[Sequence[str]] = ()  # Digests, sealed text: no page has any use for them.

    actions = None
    ordering: Sequence[str] = ("-id",)
    sortable_by = ()
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_sheet = True
    compressed_fields = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def get_sieves(self, request: HttpRequest) -> frozenset[str]:
        """Parameters of filters that no index bounds in the list's order: they look through so many rows a page."""
        return self.sieves

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the sites on which the reader may see them."""
        queryset = super().get_queryset(request).defer(*self.never_read)
        user = staff_of(request)
        if user.is_superuser:
            return queryset
        ids = site_ids_where(user, view_permission(self))
        if len(ids) == 1:
            return queryset.filter(
                **{self.site_field: ids[0]}
            )  # Plain equality: then an index by site gives the order too.
        return queryset.filter(**{f"{self.site_field}__in": ids})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        if self.detail_select_related:
            queryset = self.get_queryset(request).select_related(*self.detail_select_related)
            try:
                return queryset.get(pk=self.opts.pk.to_python(object_id))
            except (ObjectDoesNotExist, ValidationError, ValueError, OverflowError):
                return None  # Unknown, of another site, or no key at all: one answer.
        return super().get_object(request, object_id, from_field)

    def site_id_of(self, row: Any) -> int | None:
        value = row
        for name in self.site_field.split("__"):
            value = getattr(value, name)
        return value

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404

    # Nobody edits rows here, superusers included: Django would let them.
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only what a filter of the list offers: anything else could read columns by asking about them, or scan the table."""
        allowed = set()
        for each in self.get_list_filter(request):
            if isinstance(each, str):
                allowed |= {f"{each}__exact", f"{each}__isnull"}
            elif isinstance(each, type):
                allowed |= set(getattr(each, "parameter_names", ())) or {each.parameter_name}  # type: ignore[attr-defined]
        return lookup in allowed

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            response = super().changelist_view(request, extra_context)
        except OperationalError:
            if not request.GET:
                raise
            self.message_user(request, "That took too long. Choose a shorter time or fewer filters.", "warning")
            return HttpResponseRedirect(request.path)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            deeds = [deed(self) for deed in self.list_deeds]
            shown = [deed.button() for deed in deeds if deed.allowed(request, None) and deed.offered(request, None)]
            response.context_data["actions_list"] = shown
            response.context_data["title"] = str(self.opts.verbose_name_plural).capitalize()
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            deeds = [deed(self) for deed in self.deeds]
            shown = [deed.button(row) for deed in deeds if deed.allowed(request, row) and deed.offered(request, row)]
            context["actions_detail"], context["more_deeds"] = shown[:IN_HEADER], shown[IN_HEADER:]
            context.update(self.detail_context(request, row))
        return super().render_change_form(request, context, *args, **kwargs)

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the row's page shows beyond its columns."""
        return {}

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404  # The audit is the history.

    def get_urls(self) -> list[URLPattern]:
        def wrap(deed: type[Deed], of_row: bool) -> Any:
            def view(request: HttpRequest, object_id: str = "") -> HttpResponseBase:
                row = None
                if not self.has_view_permission(request):
                    raise PermissionDenied
                if of_row and (row := self.get_object(request, unquote(object_id))) is None:
                    raise Http404
                return deed(self).page(request, row)

            return self.admin_site.admin_view(view)

        of_rows = [path(f"<path:object_id>/{d.name}/", wrap(d, True), name=d(self).url_name) for d in self.deeds]
        of_list = [path(f"{d.name}/", wrap(d, False), name=d(self).url_name) for d in self.list_deeds]
        return [*of_list, *of_rows, *super().get_urls()]


class ConfigurationAdmin(DeskAdmin):
    """Small tables that staff set up by ordinary forms; each change is audited in its own commit."""

    add_permission: ClassVar[str] = ""  # "": superusers alone.
    change_permission: ClassVar[str] = ""
    may_delete: ClassVar[bool] = False

    ordering: Sequence[str] = ("name", "id")
    show_full_result_count = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_anywhere(request, self.add_permission)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return self._may_anywhere(request, self.change_permission)
        user = staff_of(request)
        return user.is_superuser or bool(
            self.change_permission and may(user, self.change_permission, self.site_id_of(obj))
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and staff_of(request).is_superuser

    def _may_anywhere(self, request: HttpRequest, permission: str) -> bool:
        user = staff_of(request)
        return user.is_superuser or bool(permission and user.has_perm(permission))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            # Someone else was faster than the form's own check; the transaction is lost, so nothing changed.
            self.message_user(request, "Another row has one of these values already. Nothing was changed.", "error")
            return HttpResponseRedirect(request.get_full_path())

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[str]:
        """The names of the columns that a form changed, for the audit."""
        return list(form.changed_data)

    # Django calls these in the transaction of the change. Its own log would be a second history, so ours is written instead.
    def log_addition(self, request: HttpRequest, object: Any, message: Any) -> None:
        self._audit(request, object, "create", message)

    def log_change(self, request: HttpRequest, object: Any, message: Any) -> None:
        self._audit(request, object, "change", message)

    def log_deletions(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        for row in queryset:
            self._audit(request, row, "delete", [])

    def _audit(self, request: HttpRequest, row: Model, verb: str, message: Any) -> None:
        kind = self.opts.model_name
        auditing.record(
            f"{kind}.{verb}",
            site=self.site_id_of(row),
            actor_id=actor_id(request),
            object_type=str(kind),
            object_id=row.pk,
            detail=self.audit_detail(row) if verb != "change" else {**self.audit_detail(row), "changed": list(message)},
        )

    def audit_detail(self, row: Any) -> dict[str, Any]:
        """What the audit tells of the row; never a secret."""
        return {"name": str(row)}
