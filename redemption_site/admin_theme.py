"""How the desk looks and what stands in its sidebar: the settings of Unfold."""

from collections.abc import Callable
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def seen_by(permission: str) -> Callable[[Any], bool]:
    """Whether the reader holds this permission on any site."""
    return lambda request: request.user.has_perm(permission)


def entry(title: str, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": seen_by(f"{app}.view_{name}"),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Redemption desk",
    "SITE_HEADER": "Redemption desk",
    "SITE_SYMBOL": "confirmation_number",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("pages/icon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [lambda request: static("desk/desk.css")],
    "SCRIPTS": [lambda request: static("desk/desk.js")],
    "COLORS": {
        # A calm teal in place of Unfold's purple; 600 on white and 500 on near-black both pass 4.5:1.
        "primary": {
            "50": "oklch(97.5% .015 190)",
            "100": "oklch(94.5% .03 190)",
            "200": "oklch(90% .055 190)",
            "300": "oklch(83% .085 190)",
            "400": "oklch(74% .105 190)",
            "500": "oklch(66% .105 190)",
            "600": "oklch(50% .085 192)",
            "700": "oklch(43% .073 192)",
            "800": "oklch(37% .06 192)",
            "900": "oklch(31% .048 193)",
            "950": "oklch(23% .036 194)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {"title": "Today", "icon": "monitoring", "link": reverse_lazy("admin:index")},
                    {
                        "title": "Find a code",
                        "icon": "search",
                        "link": reverse_lazy("admin:codes_code_find"),
                        "permission": seen_by("codes.view_code"),
                    },
                ],
            },
            {
                "title": "Codes",
                "separator": True,
                "items": [
                    entry("Batches", "inventory_2", "codes.batch"),
                    entry("Codes", "confirmation_number", "codes.code"),
                    entry("Issue orders", "pending_actions", "codes.issueorder"),
                    entry("Imports", "upload_file", "codes.codeimport"),
                    entry("Batch edits", "edit_note", "codes.batchedit"),
                ],
            },
            {
                "title": "Redemptions",
                "separator": True,
                "items": [
                    entry("Attempts", "receipt_long", "codes.attempt"),
                    entry("Redemption advices", "point_of_sale", "codes.advice"),
                    entry("Reservations", "hourglass_top", "ledger.reservation"),
                    entry("Reversals", "undo", "codes.reversal"),
                    entry("Work items", "checklist", "codes.workitem"),
                    entry("Receipt mails", "mail", "codes.receiptmail"),
                ],
            },
            {
                "title": "Sales",
                "separator": True,
                "items": [
                    entry("Orders", "shopping_cart", "codes.shoporder"),
                    entry("Articles", "redeem", "codes.article"),
                    entry("Characteristics", "tune", "codes.articlecharacteristic"),
                    entry("Item statuses", "linear_scale", "codes.itemstatus"),
                ],
            },
            {
                "title": "Value",
                "separator": True,
                "items": [
                    entry("Accounts", "account_balance_wallet", "ledger.ledgeraccount"),
                    entry("Transactions", "swap_horiz", "ledger.ledgertransaction"),
                    entry("Suspended bookings", "event_upcoming", "ledger.suspendedbooking"),
                    entry("Assets", "payments", "ledger.asset"),
                ],
            },
            {
                "title": "Content",
                "separator": True,
                "items": [
                    entry("Items", "menu_book", "accounts.item"),
                    entry("Offers", "sell", "accounts.offer"),
                    entry("Licences", "lock_open", "accounts.licence"),
                    entry("Account sets", "groups", "accounts.accountset"),
                ],
            },
            {
                "title": "Prepaid engine",
                "separator": True,
                "items": [
                    entry("Persons", "person_pin", "accounts.person"),
                    entry("Visitors", "directions_walk", "accounts.visitor"),
                    entry("Person types", "fingerprint", "accounts.persontype"),
                    entry("Characteristics", "list_alt", "accounts.characteristic"),
                    entry("Prepaid settings", "tune", "accounts.prepaidsettings"),
                ],
            },
            {
                "title": "Loyalty",
                "separator": True,
                "items": [
                    entry("Members", "loyalty", "accounts.member"),
                    entry("Households", "family_restroom", "accounts.household"),
                    entry("Business units", "apartment", "accounts.businessunit"),
                    entry("Catalogue", "redeem", "accounts.catalogueitem"),
                    entry("Loyalty settings", "tune", "accounts.loyaltysettings"),
                ],
            },
            {
                "title": "People and programs",
                "separator": True,
                "items": [
                    entry("Users", "group", "accounts.user"),
                    entry("Tags", "label", "accounts.tag"),
                    entry("API clients", "key", "accounts.client"),
                    entry("Venues", "store", "accounts.venue"),
                    entry("System types", "devices_other", "accounts.systemtype"),
                    entry("Sites", "storefront", "accounts.site"),
                    entry("Memberships", "badge", "accounts.membership"),
                    entry("Audit", "policy", "accounts.auditrecord"),
                ],
            },
        ],
    },
}
