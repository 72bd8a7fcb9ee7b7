"""Which language a page speaks, and the switch that changes it."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views import View
from django.views.i18n import set_language

from accounts.models import Site, User
from codes.lookup import LONGEST_TYPED
from redemption_site.edge.hosts import require_site
from redemption_site.pages import links
from redemption_site.pages.links import Link


def language_of(request: HttpRequest, site: Site, claimant: User | None) -> str:
    """The first that the platform speaks of: the switch's choice, the claimant's, the browser's, the site's."""
    wanted = [
        request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
        claimant.language if claimant else "",
        *(language for language, _ in parse_accept_lang_header(request.headers.get("Accept-Language", ""))),
        site.language,
    ]
    spoken = dict(settings.LANGUAGES)
    return next((base for base in (language.partition("-")[0] for language in wanted) if base in spoken), "en")


class LanguagePage(View):
    """The switch: a cookie remembers the choice, and for a claimant it is also the language of their mails."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        language = request.POST.get("language", "")
        if isinstance(request.user, User) and language in dict(settings.LANGUAGES):
            User.objects.filter(pk=request.user.pk).update(language=language)
        response = set_language(request)
        code = request.POST.get("redemptionCode", "")
        if request.POST.get("next") == "/add" and 0 < len(code) <= LONGEST_TYPED:
            # The page of a link: its code goes on in the session, for no address of ours has it.
            site = require_site(request)
            name = links.keep(request, site, Link(code, request.POST.get("successUrl", "")))
            response["Location"] = f"/add?link={name}"
        return response
