"""Whose rows a member of staff may see and what they may do there: their memberships' sites; platform superusers every site."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import Site, User


def staff_of(request: HttpRequest) -> User:
    """The member of staff who asks; the admin site lets nobody else in."""
    assert not isinstance(request.user, AnonymousUser)
    return request.user


def sites_where(user: User, permission: str) -> list[Site]:
    """The sites on which they hold this permission, by name; read once per request."""
    if not hasattr(user, "_desk_sites"):
        sites = Site.objects.order_by("name", "pk")
        if not user.is_superuser:
            sites = sites.filter(memberships__user=user)
        user._desk_sites = list(sites)  # type: ignore[attr-defined]
    return [site for site in user._desk_sites if may(user, permission, site.pk)]  # type: ignore[attr-defined]


def site_ids_where(user: User, permission: str) -> list[int]:
    return [site.pk for site in sites_where(user, permission)]


def may(user: User, permission: str, site_id: int | None) -> bool:
    """Whether they hold this permission on this very site; on rows of no site only superusers may do anything."""
    if not (user.is_active and user.is_staff):
        return False
    return user.is_superuser or (site_id is not None and permission in user.staff_permissions(site_id))


def sees_one_site(user: User, permission: str) -> bool:
    """Whether their lists are filtered by one site, so that an index by site gives the order. Superusers' never are."""
    return not user.is_superuser and len(site_ids_where(user, permission)) == 1


def actor_id(request: HttpRequest) -> str:
    """What the audit and receipts tell of who did it."""
    return staff_of(request).claimant_id


def caller_key(request: HttpRequest) -> str:
    """The scope of idempotency keys that the desk's forms carry."""
    return f"user:{staff_of(request).pk}"


class SiteFilter(SimpleListFilter):
    """By site, offering no name of a site the reader has no membership of; absent where there is nothing to choose."""

    title = "site"
    parameter_name = "site"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.field = model_admin.site_field
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        sites = sites_where(staff_of(request), view_permission(model_admin))
        return [(str(site.pk), site.name) for site in sites] if len(sites) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(**{self.field: int(chosen)}) if chosen and chosen.isdecimal() else queryset


def view_permission(model_admin: Any) -> str:
    return f"{model_admin.opts.app_label}.view_{model_admin.opts.model_name}"
