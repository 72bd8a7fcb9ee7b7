"""Every address of the site: the api, the protocols and the pages, a line each."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from redemption_site.api.schema import DocumentationView, schema
from redemption_site.edge.health import healthz, readyz
from redemption_site.edge.metrics import metrics
from redemption_site.protocols.prepaid.views import unknown_access_data

urlpatterns: list[URLPattern | URLResolver] = [
    # First the hot ones: addresses are tried in this order.
    path("api/v1/", include("redemption_site.api.urls")),
    re_path(r"^[vV]3/", include("redemption_site.protocols.advice.urls")),
    path("default/engine/", include("redemption_site.protocols.prepaid.urls")),
    path("admin-api/", include("redemption_site.protocols.access_codes.urls")),
    path(settings.LOYALTY_PREFIX, include("redemption_site.protocols.loyalty.urls")),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("api/schema/", schema, name="schema"),
    path("api/docs/", DocumentationView.as_view()),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("", include("redemption_site.pages.urls")),
    re_path(r"^[^/]+/engine/", unknown_access_data),
]

handler400 = "redemption_site.edge.failures.bad_request"
handler403 = "redemption_site.edge.failures.permission_denied"
handler404 = "redemption_site.edge.failures.not_found"
handler500 = "redemption_site.edge.failures.server_error"
