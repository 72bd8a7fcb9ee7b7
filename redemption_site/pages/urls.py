"""The addresses that a claimant's browser sees, each with and without a slash at the end."""

from django.urls import path
from django.views.generic import RedirectView

from redemption_site.pages.account import AccountPage
from redemption_site.pages.adding import AddPage
from redemption_site.pages.bookshelf import BookshelfPage
from redemption_site.pages.items import ItemPage
from redemption_site.pages.languages import LanguagePage
from redemption_site.pages.own_codes import OwnCodesPage
from redemption_site.pages.receipts import ReceiptPage, ReceiptsPage
from redemption_site.pages.redeeming import LinkPage, RedeemPage
from redemption_site.pages.registering import RegisterPage
from redemption_site.pages.signing_in import SignInPage, SignOutPage

app_name = "pages"
PAGES = {
    "redeem": ("redeem", RedeemPage),
    "link": ("redeem/<str:code>", LinkPage),
    "sign-in": ("sign-in", SignInPage),
    "sign-out": ("sign-out", SignOutPage),
    "account": ("account", AccountPage),
    "codes": ("codes", OwnCodesPage),
    "receipts": ("receipts", ReceiptsPage),
    "receipt": ("receipts/<uuid:attempt_id>", ReceiptPage),
    "add": ("add", AddPage),
    "register": ("register", RegisterPage),
    "bookshelf": ("bookshelf", BookshelfPage),
    "language": ("language", LanguagePage),
}
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="pages:redeem"), name="home"),
    *(path(route, page.as_view(), name=name) for name, (route, page) in PAGES.items()),
    *(path(f"{route}/", page.as_view()) for route, page in PAGES.values()),
    # An ID may hold slashes, one at its end among them: the page itself tries both.
    path("items/<path:external_id>", ItemPage.as_view(), name="item"),
]
