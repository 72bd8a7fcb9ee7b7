"""The addresses of the loyalty protocol, with and without a slash at the end, and never by a redirect.

Identifiers and correlation IDs are any text, slashes and line breaks too, and even none at all, which nobody has.
"""

from django.urls import re_path

from redemption_site.protocols.loyalty import redemptions, reservations, sessions
from redemption_site.protocols.loyalty.calling import address, nothing_here
from redemption_site.protocols.loyalty.tokens import token

WHO = r"^client/users/(?P<who>[\s\S]*)"

urlpatterns = [
    re_path(rf"{WHO}/adhoc-redemption/?\Z", address(POST=redemptions.redeem)),
    re_path(rf"{WHO}/reservations/(?P<token>[^/]+)/?\Z", address(PUT=reservations.reduce, DELETE=reservations.cancel)),
    re_path(rf"{WHO}/reservations/?\Z", address(POST=reservations.reserve)),
    re_path(rf"{WHO}/sessions/?\Z", address(POST=sessions.start, DELETE=sessions.end)),
    re_path(rf"{WHO}/void/?\Z", address(POST=redemptions.void)),
    re_path(r"^oauth/token/?\Z", token),
    re_path(r"^(?:client|oauth)/", nothing_here),
]
