"""A small site with one row of everything the desk shows, its staff, and signing in as one of them."""

from dataclasses import dataclass, field
from typing import Any

from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from accounts.identifying import identify
from accounts.models import Site, User
from codes import editing, importing, issuing, reversing
from codes.foreseeing import NewEdit
from codes.models import Attempt, Batch, Code, CodeImport, IssueOrder, ReceiptMail, Reversal, WorkItem
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_codes
from ledger.models import LedgerAccount, LedgerTransaction
from tests.codes.advices import make_advice, make_venue
from tests.codes.shop import make_article, move, place
from tests.content import make_account_set, make_collection, make_item, make_licence, make_offer, show_only_to
from tests.factories import (
    PASSWORD,
    TagFactory,
    caller_of,
    make_batch,
    make_claimant,
    make_client,
    make_code,
    make_hold,
    make_site,
    make_staff,
    new_batch,
)
from tests.ledger.suspending import suspend
from tests.members import loyalty_rows
from tests.people import BOTH, EMAIL, make_person, make_person_type, make_settings

MONEY_TEXT = "SECRET-CASH-7K2M"  # The characters that no page may show.
ITEM_TEXT = "SECRET-ITEM-9QXA"
ROLES = ("support", "operator", "manager")


@dataclass
class World:
    """One site with staff in each role, a claimant, and what they have done."""

    site: Site
    staff: dict[str, User]
    claimant: User
    batch: Batch
    money: Code
    item: Code
    redemption: Attempt
    refusal: Attempt
    rows: dict[str, Any] = field(default_factory=dict)

    def sign_in(self, role: str) -> Client:
        """A browser in which this member of staff has signed in."""
        return signed_in(self.staff[role])


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user, backend="accounts.signing_in.EmailBackend")
    return browser


def redeem(claimant: User, *texts: str, **fields: Any) -> Attempt:
    """Attempts through the engine, as the pages make them; answers the last."""
    caller = caller_of(claimant)
    outcomes = redeem_codes([RedeemCode(caller, text, claimant.claimant_id, door="page", **fields) for text in texts])
    assert all(outcome.attempt for outcome in outcomes)
    return outcomes[-1].attempt


def make_world(slug: str = "shop") -> World:
    site = make_site(slug=slug, name=slug.title())
    staff = {role: make_staff(site, role=role, name=f"{role} of {slug}") for role in ROLES}
    staff["superuser"] = make_staff(is_superuser=True, name=f"root of {slug}")
    claimant = make_claimant(site, name="Anna Beispiel")
    money = make_code(site, MONEY_TEXT, worth_cents=500, name="Cash", uses=3, uses_per_claimant=2)
    item = make_code(
        site, ITEM_TEXT, worth_cents=0, name="Coffee", action="fulfilment", parameters={"item": "A free coffee"}
    )
    redemption = redeem(claimant, MONEY_TEXT)
    item_attempt = redeem(claimant, ITEM_TEXT)
    refusal = redeem(claimant, ITEM_TEXT)
    # Redeemed twice and reversed once, so that there is a redemption with and one without a reversal.
    reversed_attempt = redeem(claimant, MONEY_TEXT)
    reversal, _ = reversing.reverse(
        reversing.ReverseRedemption(caller_of(claimant), reversed_attempt.pk, "by mistake", give_use_back=False)
    )
    order, _ = issuing.order_batch(new_batch(site, count=3, worth_cents=100, name="Waiting"))
    new = NewEdit(kind="enable", reason="just in case")
    edit, _ = editing.order_edit(item.batch, new, caller_key="system", actor_id="system")
    client = make_client(site).client
    world = World(site, staff, claimant, money.batch, money, item, redemption, refusal)
    world.rows = {
        "accounts_site": site,
        "accounts_user": claimant,
        "accounts_tag": TagFactory.create(site=site),
        "accounts_client": client,
        "accounts_membership": staff["support"].memberships.get(),
        **content_rows(site, claimant),
        "accounts_systemtype": site.system_types.get(),
        "accounts_venue": make_venue(site, name=f"Counter of {slug}"),
        **person_rows(site, claimant),
        "codes_advice": make_advice(site, parked=True),
        "accounts_auditrecord": last_audit(site),
        "ledger_asset": LedgerAccount.objects.get(owner=claimant).asset,
        "ledger_ledgeraccount": LedgerAccount.objects.get(owner=claimant),
        "ledger_suspendedbooking": suspend(LedgerAccount.objects.get(owner=claimant), "grant", 100, comment="Bonus"),
        "ledger_reservation": make_hold(money, token=slug, owner=claimant).reservation,
        "ledger_ledgertransaction": LedgerTransaction.objects.get(attempt=redemption),
        "codes_batch": money.batch,
        "codes_code": money,
        "codes_attempt": redemption,
        "codes_reversal": Reversal.objects.get(pk=reversal.pk),
        "codes_workitem": WorkItem.objects.get(attempt=item_attempt),
        "codes_receiptmail": parked_mail(redemption),
        "codes_codeimport": checked_import(site),
        "codes_issueorder": IssueOrder.objects.get(pk=order.pk),
        "codes_batchedit": editing.work_edit(edit.pk),
        **shop_rows(site, claimant),
        **loyalty_rows(site, claimant),
    }
    return world


def content_rows(site: Site, claimant: User) -> dict[str, Any]:
    """A collection that is sold, licensed, and seen by an account set alone."""
    book = make_item(site, f"book-of-{site.slug}", ProductId="09238443")
    collection = make_collection(site, f"shelf-of-{site.slug}", [book])
    members = make_account_set(site, f"members of {site.slug}", every=["member"])
    show_only_to(collection, members)
    offer = make_offer(collection, f"offer-of-{site.slug}", excluded_views=["sourceDownload"], concurrencies=2)
    return {
        "accounts_item": collection,
        "accounts_accountset": members,
        "accounts_offer": offer,
        "accounts_licence": make_licence(collection, user=claimant, offer=offer),
    }


def shop_rows(site: Site, claimant: User) -> dict[str, Any]:
    """A voucher article, and an order of three with their codes."""
    article = make_article(site, name=f"Gift card of {site.slug}")
    order = place(site, (article, 3), buyer=claimant)
    move(order.items.get(), 4)
    return {
        "codes_articlecharacteristic": site.article_characteristics.get(),
        "codes_article": article,
        "codes_itemstatus": site.item_statuses.get(number=1),
        "codes_shoporder": order,
    }


def person_rows(site: Site, claimant: User) -> dict[str, Any]:
    """The claimant as a person of the prepaid engine, whom a visitor was identified as."""
    make_settings(site)
    kind = make_person_type(site, name=f"Readers of {site.slug}")
    person = make_person(kind, user=claimant)
    identify(site, person_type=1, unique_id=f"visitor-of-{site.slug}", values=BOTH, separator="¶")
    return {
        "accounts_characteristic": site.characteristics.get(number=EMAIL),
        "accounts_persontype": kind,
        "accounts_person": person,
        "accounts_visitor": site.visitors.get(),
        "accounts_prepaidsettings": site.prepaid_settings,
    }


def checked_import(site: Site, text: str = "code,uses\nIMPORTED-77,2\n=1+1,1\n", **fields: Any) -> CodeImport:
    """A file that was sent and checked; by default with one good and one bad row."""
    given = {
        "site_id": site.pk,
        "caller_key": "system",
        "actor_id": "system",
        "file": text.encode(),
        "file_name": "old shop.csv",
    }
    if "batch" not in fields:
        given["new"] = new_batch(site, worth_cents=500, name=f"Import {CodeImport.objects.count() + 1}")
    return importing.work_import(importing.receive_import(importing.NewImport(**given, **fields))[0])


def last_audit(site: Site) -> Any:
    from accounts.models import AuditRecord

    return AuditRecord.objects.filter(site=site).latest("id")


def parked_mail(attempt: Attempt) -> ReceiptMail:
    mail, _ = ReceiptMail.objects.get_or_create(attempt=attempt, defaults={"due_at": attempt.decided_at})
    ReceiptMail.objects.filter(pk=mail.pk).update(
        state=ReceiptMail.State.PARKED, tries=8, error="SMTPServerDisconnected"
    )
    mail.refresh_from_db()
    return mail


def unwritten(user: User, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a page would show this member of staff, not written as HTML: for walks over more pages than need to be seen.

    They are read anew, as for each request: what a page has learnt of their rights stays with them.
    """
    request = RequestFactory().get(path, query)
    request.user = User.objects.get(pk=user.pk)
    view = resolve(request.path_info)
    return view.func(request, *view.args, **view.kwargs).context_data


def page_of(row: Any, name: str = "change") -> str:
    """The address of a row's page, or of one of its deeds."""
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=[row.pk])


def list_of(model: str, name: str = "changelist") -> str:
    return reverse(f"admin:{model}_{name}")


def text_of(response: Any) -> str:
    return response.content.decode()


__all__ = [
    "PASSWORD",
    "World",
    "list_of",
    "make_batch",
    "make_world",
    "page_of",
    "redeem",
    "signed_in",
    "text_of",
    "unwritten",
]
