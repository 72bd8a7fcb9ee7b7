"""The address of the redemption advice protocol, in any case, with and without a slash, and never by a redirect."""

from django.urls import re_path

from redemption_site.protocols.advice.views import nothing_here, redemption_advice


def in_any_case(word: str) -> str:
    """An expression for the letters of ``word``; Django can turn no flags of expressions back into addresses."""
    return "".join(f"[{letter.lower()}{letter.upper()}]" for letter in word)


urlpatterns = [
    re_path(rf"^{in_any_case('redemptionAdvice')}/?\Z", redemption_advice),
    re_path("", nothing_here),
]
