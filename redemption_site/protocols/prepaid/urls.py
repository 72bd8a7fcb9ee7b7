"""The addresses of the prepaid engine under the only access data set. What a name is, the view says: exactly as it is written."""

from django.urls import re_path

from redemption_site.protocols.prepaid.views import engine, unknown_procedure

urlpatterns = [
    re_path(r"^(?P<procedure>[^/]+)\Z", engine),
    re_path("", unknown_procedure),
]
