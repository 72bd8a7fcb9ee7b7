"""Addresses with a prefix, as LOYALTY_PREFIX makes them."""

from django.urls import include, path

urlpatterns = [path("points/v1/", include("redemption_site.protocols.loyalty.urls"))]
handler404 = "redemption_site.edge.failures.not_found"
