"""The platform's addresses, and one that does nothing but answer as the advice door does: what the web server itself costs."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from redemption_site.urls import handler400, handler403, handler404, handler500
from redemption_site.urls import urlpatterns as of_the_platform

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return HttpResponse(status=202, content_type="application/json", headers=headers)


urlpatterns = [path("bench/bare", bare), *of_the_platform]
