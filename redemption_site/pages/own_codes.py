"""/codes: the codes that are a claimant's own, as they would show or type them, and how each stands."""

import datetime as dt
from dataclasses import dataclass

import segno
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Site
from codes import lookup, own_codes, uses
from codes.models import Code, Terms
from codes.receipt_words import amount, moment
from redemption_site.pages.receipts import ReceiptsPage

CODES_A_PAGE = 20
WAITING, OVER, GOOD = "waiting", "over", "good"  # How a standing looks.
STANDINGS: dict[str, tuple[str | Promise, str]] = {
    own_codes.READY: (gettext_lazy("Ready"), GOOD),
    own_codes.USED: (gettext_lazy("Used"), OVER),
    own_codes.NOT_YET_VALID: (gettext_lazy("Not valid yet"), WAITING),
    own_codes.EXPIRED: (gettext_lazy("Expired"), OVER),
    own_codes.OFF: (gettext_lazy("Not available"), OVER),
}


@dataclass(frozen=True, slots=True)
class OwnCode:
    """One code in words. ``picture`` is its QR code, for those that can be used."""

    id: int
    text: str
    gives: str
    standing: str
    look: str
    lines: list[str]
    picture: SafeString | str

    @classmethod
    def of(cls, code: Code, site: Site, now: dt.datetime) -> "OwnCode":
        standing = own_codes.standing(code, now)
        said, look = STANDINGS[standing]
        text = lookup.shown(code)
        if standing == own_codes.USED and code.last_redeemed_at:
            said = _("Used on %(when)s") % {"when": moment(code.last_redeemed_at, site)}
        picture = picture_of(text) if standing in (own_codes.READY, own_codes.NOT_YET_VALID) else ""
        return cls(code.pk, text, gives(code.terms), str(said), look, list(lines(code, site, standing)), picture)


def lines(code: Code, site: Site, standing: str) -> list[str]:
    """When it counts, and how often still."""
    said = []
    if code.valid_from and standing == own_codes.NOT_YET_VALID:
        said.append(_("From %(start)s") % {"start": moment(code.valid_from, site)})
    if code.valid_until and standing != own_codes.USED:
        said.append(_("Until %(end)s") % {"end": moment(code.valid_until, site)})
    left = uses.left(code.max_uses, code.uses)
    if left and code.max_uses > 1 and standing == own_codes.READY:
        said.append(f"{_('Uses left')}: {number_format(left)}")
    return said


def gives(terms: Terms) -> str:
    """What one use gives, in a few words."""
    if terms.asset:
        given = amount(str(terms.asset.major(terms.value)), terms.asset.code)
        return _("%(amount)s back") % {"amount": given} if terms.action == "refund" else given
    if terms.action == "add_tags":
        return _("Unlocks: %(names)s") % {"names": ", ".join(terms.parameters["tags"])}
    if terms.action == "fulfilment":
        return str(terms.parameters["item"])
    return _("Access to content")


def picture_of(text: str) -> SafeString:
    """The code as a QR code, drawn in SVG by the library: its characters are modules there, never markup."""
    return mark_safe(segno.make(text, micro=False).svg_inline(border=2, omitsize=True, light="#fff", svgclass="qr"))  # noqa: S308


class OwnCodesPage(ReceiptsPage):
    """The claimant's own codes: what was handed out last comes first."""

    place = "codes"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if self.claimant is None:
            return self.ask_to_sign_in()
        page = Paginator(own_codes.own_codes(self.claimant), CODES_A_PAGE).get_page(request.GET.get("page"))
        codes = [OwnCode.of(code, self.site, self.now) for code in page]
        return self.render("pages/own_codes.html", {"page": page, "codes": codes})
