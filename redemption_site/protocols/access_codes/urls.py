"""The addresses of the access codes protocol. Without a site it is the caller's only one."""

from django.urls import path, register_converter

from redemption_site.protocols.access_codes.views import RedemptionsView, nothing_here


class Anything:
    """Whatever follows, slashes and line breaks too: which batch or code it names is asked of the database."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Anything, "anything")

view = RedemptionsView.as_view()
urlpatterns = [
    path("redemptions", view),
    path("redemptions/", view),
    path("redemptions/<anything:rest>", view),
    path("<str:site>/redemptions", view),
    path("<str:site>/redemptions/", view),
    path("<str:site>/redemptions/<anything:rest>", view),
    path("", nothing_here),
    path("<anything:rest>", nothing_here),
]
