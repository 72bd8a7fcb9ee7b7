"""A licence in words for its reader: through what they may open something, and until when."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Item, Licence, Site
from codes.receipt_words import moment

KINDS: dict[str, str | Promise] = {
    "Book": gettext_lazy("Book"),
    "PageRange": gettext_lazy("Excerpt"),
    "PdfPage": gettext_lazy("Page"),
    "SubjectCollection": gettext_lazy("Collection"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something may be opened."""

    through: str
    until: str
    limits: str = ""

    @classmethod
    def of(cls, licence: Licence, site: Site, item: Item) -> "Reason":
        """The words for this licence, seen from ``item``, which it may cover through something larger."""
        limits = []
        if licence.item_id != item.pk:
            limits.append(_("It is part of “%(title)s”.") % {"title": licence.item})
        if licence.concurrencies:
            limits.append(
                ngettext("For %(count)d reader at a time.", "For %(count)d readers at a time.", licence.concurrencies)
                % {"count": licence.concurrencies}
            )
        return cls(through(licence), until(licence, site), " ".join(limits))


def through(licence: Licence) -> str:
    if licence.browser_id is not None:
        return _("In this browser only")
    if licence.account_set_id is not None:
        return _("Through your group “%(name)s”") % {"name": licence.account_set}
    return _("Through your own licence")


def until(licence: Licence, site: Site) -> str:
    """When it ends: a browser's at the latest with the browser login, which lasts while it is used."""
    end = moment(licence.ends_at, site) if licence.ends_at else ""
    if licence.browser_id is not None:
        words = _("Until 30 minutes after your last visit")
        return _("%(words)s, and no longer than %(end)s") % {"words": words, "end": end} if end else words
    return _("Until %(end)s") % {"end": end} if end else _("For ever")


def kind_of(item: Item) -> str:
    """What sort of thing it is, in a word."""
    return str(KINDS.get(item.meta_type, item.meta_type))
