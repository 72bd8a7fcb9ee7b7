"""The address of the redemption advice protocol, in any case, with and without a slash, and never by a redirect."""

from django.urls import re_path

from redemption_site.protocols.advice.views import nothing_here, redemption_advice

urlpatterns = [
    re_path(r"(?i)^redemptionAdvice/?\Z", redemption_advice),
    re_path(r"", nothing_here),
]
