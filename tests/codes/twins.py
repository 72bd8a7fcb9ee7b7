"""Two sites that are alike in everything, so that one can be asked in a list what the other is asked one by one."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from django.db.models import Count, Sum

from accounts import budgets, clock
from accounts.budgets import Budget
from accounts.callers import Caller, caller_for_browser, caller_for_client, caller_for_user
from accounts.models import BrowserLogin, Licence, Offer, Site, Tag, User, UserTag
from codes import issuing, switching
from codes.formats import check_symbol
from codes.models import Attempt, Batch, Code, CodeHold, ReceiptMail, WorkItem
from codes.redemption.commands import Outcome, RedeemCode
from codes.redemption.engine import redeem_codes
from ledger import moving
from ledger.models import LedgerAccount, Transfer
from tests.content import make_browser, make_item, make_offer
from tests.factories import (
    make_account,
    make_asset,
    make_batch,
    make_client,
    make_hold,
    make_site,
    make_user,
    new_batch,
)

# Whose reservation a token is of, and the codes it holds one use of; the last has expired, and nobody has ended it.
TOKENS = {
    "first token": ("anna", ("HELD-1", "HELD-2", "HELD-3"), 3_600),
    "second token": ("ben", ("HELD-1", "HELD-4"), 3_600),
    "third token": ("anna", ("HELD-4", "HELD-5"), -1),
}
HELD = {"HELD-1": 3, "HELD-2": 1, "HELD-3": 2, "HELD-4": 2, "HELD-5": 1}
OURS = "AAAABBBBCCCCDDD" + check_symbol("AAAABBBBCCCCDDD")
TYPO = "AAAABBBBCCCCDDE" + check_symbol("AAAABBBBCCCCDDD")

CODES = [
    *("SINGLE-1", "SINGLE-2", "MULTI-1", "MULTI-2", "CAP-1", "CAP-2", "CAP-3", "COOL-1", "COOL-2", "TAGS-1", "TAGS-2"),
    *(
        "TAGGONE-1",
        "WORK-1",
        "POINTS-1",
        "DOLLAR-1",
        "REFUND-1",
        "REFUND-2",
        "REFUND-3",
        "REFUND-4",
        "OWN-1",
        "VENUE-1",
    ),
    *("OFFER-1", "OFFER-2", "OFFERGONE-1", "MATCH-1", "MATCH-2", "MATCHNONE-1", "SESSION-1", "SESSION-2"),
    *("EXPIRED-1", "SOON-1", "OFF-1", "DELETED-1", "USED-1", *HELD, OURS),
]
UNKNOWN = ["NOPE-0001", "NOPE-0002", TYPO, "***", "ABC", "", "   ", "X" * 101]
CLAIMANTS = ["anna", "ben", "cleo", "dora", "eric", "fred", "gina", "nobody", "", " anna ", "n" * 101]
BROWSERS = ["chrome", "firefox"]
CALLERS = ["anna", "ben", "cleo", "eric", "fred", "till", "kiosk", *BROWSERS]


@dataclass
class Twin:
    """One of the two sites, with its people, callers and codes by name."""

    site: Site
    people: dict[str, User] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    browsers: dict[str, BrowserLogin] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)

    def command(self, wish: "Wish") -> RedeemCode:
        return RedeemCode(
            caller=self.callers[wish.caller],
            code=wish.code,
            claimant_id=wish.claimant,
            channel=wish.channel,
            venue_id=wish.venue,
            reference=wish.reference,
            idempotency_key=wish.key,
            reservation_token=wish.token,
            door=wish.door,
            browser_id=self.browsers[wish.browser].pk if wish.browser else None,
        )

    def ask(self, wishes: "list[Wish]", *, together: bool) -> list[Outcome]:
        commands = [self.command(wish) for wish in wishes]
        if together:
            return redeem_codes(commands)
        return [redeem_codes([command])[0] for command in commands]


@dataclass(frozen=True)
class Wish:
    """A command in names, for either twin."""

    caller: str
    code: str
    claimant: str
    key: str | None = None
    venue: str = ""
    channel: str = ""
    reference: str | None = None
    token: str | None = None
    door: str = "api"
    browser: str | None = None


def make_twin() -> Twin:
    now = clock.read()
    site = make_site(guesses_per_client=8, guesses_per_network=9, guesses_in_total=14)
    twin = Twin(site)
    for name in ("anna", "ben", "cleo", "dora", "eric", "fred", "gina"):
        email = {} if name in ("ben", "gina") else {"email": f"{name}@example.test"}
        twin.people[name] = make_user(site, claimant_id=name, is_active=name != "fred", **{"email": "", **email})
    eur, usd, points = make_asset("EUR"), make_asset("USD"), make_asset("PTS")
    for name in ("anna", "ben", "eric", "fred", "gina"):
        make_account(twin.people[name], eur, balance=1_000)
    make_account(twin.people["dora"], usd, balance=700)
    make_account(twin.people["ben"], points)
    spent = {}
    for name in ("anna", "eric"):
        account = LedgerAccount.objects.get(owner=twin.people[name])
        spent[name] = str(moving.spend(account, 300, comment="a purchase", actor_id="system").pk)
    LedgerAccount.objects.filter(owner=twin.people["eric"]).update(state="closed")
    LedgerAccount.objects.filter(owner=twin.people["gina"]).update(state="credit_only")
    make_content(twin)
    issue_codes(twin, spent, now)
    Offer.objects.filter(site=site, external_id="gone").update(archived_at=now)
    make_callers(twin)
    return twin


def make_content(twin: Twin) -> None:
    books = [make_item(twin.site, f"b{number}", ProductId="1" if number < 3 else "2") for number in (1, 2, 3)]
    for external_id, number, book in (("2dfe", 118_226, books[2]), ("day", 2, books[0]), ("gone", 3, books[1])):
        make_offer(book, external_id, number, duration_days=1 if external_id == "day" else None)


def issue_codes(twin: Twin, spent: dict[str, str], now: dt.datetime) -> None:
    def issue(*texts: str, worth: int = 500, **fields: Any) -> None:
        new = new_batch(twin.site, worth_cents=worth, name=texts[0], **fields)
        batch = issuing.issue_supplied(new, texts)
        twin.codes |= dict(zip(texts, Code.objects.filter(batch=batch).order_by("serial"), strict=True))

    issue("SINGLE-1", "SINGLE-2")
    issue("MULTI-1", uses=4)
    issue("MULTI-2", uses=5, uses_per_claimant=2)
    issue("CAP-1", "CAP-2", "CAP-3", uses=2, uses_per_claimant=2, total_cap=3)
    issue("COOL-1", "COOL-2", uses=5, uses_per_claimant=3, cooldown_seconds=3_600)
    issue("TAGS-1", worth=0, parameters={"tags": ["vip", "early"]}, uses=4, uses_per_claimant=3)
    issue("TAGS-2", worth=0, parameters={"tags": ["vip", "gold"]}, uses=4, uses_per_claimant=3)
    issue("TAGGONE-1", worth=0, parameters={"tags": ["vip", "gone"]}, uses=4)
    issue("WORK-1", worth=0, action="fulfilment", parameters={"item": "a coffee"}, uses=3, uses_per_claimant=2)
    issue("POINTS-1", worth=0, action="credit", asset_code="PTS", value=30, uses=4, uses_per_claimant=2)
    issue("DOLLAR-1", worth=0, action="credit", asset_code="USD", value=150, uses=4)
    for action, text, access, match, uses in (
        ("apply_offer", "OFFER-1", "2dfe", {}, (4, 2)),
        ("apply_offer", "OFFER-2", 2, {}, (2, 1)),
        ("apply_offer", "OFFERGONE-1", "gone", {}, (4, 2)),
        ("apply_offer_match", "MATCH-1", 118_226, {"all": ["ProductId:1"]}, (4, 2)),
        ("apply_offer_match", "MATCH-2", "day", {"any": ["ProductId:1", "ProductId:2"]}, (3, 1)),
        ("apply_offer_match", "MATCHNONE-1", "2dfe", {"any": ["none"]}, (4, 2)),
        ("session_license", "SESSION-1", "2dfe", {}, (3, 1)),
        ("session_license_match", "SESSION-2", "day", {"all": ["ProductId:1"]}, (2, 1)),
    ):
        parameters = {"access_control": access, **({"match": match} if match else {})}
        issue(text, worth=0, action=action, parameters=parameters, uses=uses[0], uses_per_claimant=uses[1])
    for name, texts in (("anna", ("REFUND-1", "REFUND-2")), ("eric", ("REFUND-3", "REFUND-4"))):
        issue(*texts, worth=200, action="refund", parameters={"booking": spent[name]}, uses=2, uses_per_claimant=2)
    for text in ("OWN-1", "EXPIRED-1", "SOON-1", "OFF-1", "DELETED-1", "USED-1", *HELD, OURS):
        issue(
            text, uses=HELD.get(text, 1 if text in ("USED-1", OURS) else 2), uses_per_claimant=2 if text in HELD else 1
        )
    issue("VENUE-1", venues=["till 1", "till 2"], uses=3)
    make_batch(twin.site, count=1, name="generated")
    Tag.objects.filter(site=twin.site, name="gone").delete()
    hour = dt.timedelta(hours=1)
    for text, change in {
        "OWN-1": {"owner": twin.people["ben"]},
        "EXPIRED-1": {"valid_until": now},
        "SOON-1": {"valid_from": now + hour},
        "OFF-1": {"state": "disabled"},
        "DELETED-1": {"state": "deleted"},
    }.items():
        switching.change_code(twin.codes[text], actor_id="system", **change)
    for token, (owner, names, seconds) in TOKENS.items():
        make_hold(
            *(twin.codes[name] for name in names),
            token=token + twin.site.slug,
            owner=twin.people[owner],
            seconds=seconds,
        )


def make_callers(twin: Twin) -> None:
    for name in ("anna", "ben", "cleo", "eric", "fred"):
        twin.callers[name] = caller_for_user(twin.people[name], twin.site, "10.0.0.1" if name == "ben" else "")
    for name in BROWSERS:
        twin.browsers[name] = make_browser(twin.site)
        twin.callers[name] = caller_for_browser(twin.browsers[name], twin.site, "10.0.0.1")
    till, kiosk = make_client(twin.site).client, make_client(twin.site, name="kiosk").client
    twin.callers["till"] = caller_for_client(till, frozenset())
    only_anna = caller_for_client(kiosk, frozenset({twin.people["anna"].pk}), "10.0.0.1")
    twin.callers["kiosk"] = replace(only_anna, guesses_per_client=3)
    redeem_codes([twin.command(Wish("till", "USED-1", "anna"))])


def told(twin: Twin, outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """What the outcomes say, without the numbers in which the twins differ."""
    receipts: dict[int, str] = {}
    attempts: dict[Any, int] = {}
    found = []
    for place, outcome in enumerate(outcomes):
        attempt = outcome.attempt
        attempts.setdefault(attempt.pk, place)
        if attempt.receipt_number is not None:
            receipts.setdefault(attempt.receipt_number, f"of outcome {place}")
        result = {name: value for name, value in (attempt.result or {}).items() if name != "booking"}
        refusal = outcome.refusal
        found.append(
            {
                "reason": attempt.reason,
                "refusal": refusal
                and (refusal.reason, refusal.step, refusal.retryable, refusal.retry_after_seconds),
                "receipt": attempt.receipt_number and receipts[attempt.receipt_number],
                "earlier": refusal
                and refusal.receipt_number
                and receipts.get(refusal.receipt_number, "of before"),
                "same on the attempt": refusal is None or refusal.receipt_number == attempt.earlier_receipt,
                "attempt": attempts[attempt.pk],
                "checks": in_names(twin, attempt.checks),
                "result": result,
                "tags given": sorted(tag.name for tag in Tag.objects.filter(pk__in=(attempt.given or {}).get("tags", []))),
                "numbers": (attempt.use_number, attempt.claimant_use_number, attempt.uses_left),
                "shown": outcome.code_shown,
                "replayed": outcome.replayed,
                "kept": outcome.kept,
                "key": attempt.idempotency_key,
                "claimant": (attempt.claimant_given, attempt.claimant_id is not None),
                "ledger": attempt.ledger_transaction_id is not None,
            }
        )  # fmt: skip
    return found


def in_names(twin: Twin, checks: list[dict[str, Any]]) -> Any:
    """Checks as they rest in the database, with the names of the twin's clients for their prefixes."""
    text = orjson.dumps(checks)
    for name in ("till", "kiosk", *BROWSERS):
        text = text.replace(twin.callers[name].actor_id.encode(), name.encode())
    return orjson.loads(text)


def holdings(twin: Twin) -> dict[str, Any]:
    """Everything the twins have, in names."""
    site = twin.site
    names = {code.pk: text for text, code in twin.codes.items()}
    batches = {batch.pk: batch for batch in Batch.objects.filter(site=site)}
    codes = Code.objects.filter(pk__in=names).values_list("pk", "state", "uses", "redemptions", "last_redeemed_at")
    accounts = LedgerAccount.objects.filter(owner__site=site)
    moved = Transfer.objects.filter(transaction__site=site).values_list(
        "transaction__type", "debit_account__purpose", "credit_account__purpose", "batch_number"
    )
    return {
        "codes": {names[row[0]]: row[1:] for row in codes},
        "batches": {batch.name: batch.uses_in_force for batch in batches.values()},
        "balances": sorted(accounts.values_list("owner__claimant_id", "kind", "balance")),
        "moved": sorted(
            (*row[:3], row[3] and batches[row[3]].name, *row[4:])
            for row in moved.order_by().annotate(total=Sum("amount"), count=Count("id"))
        ),
        "tags": sorted(UserTag.objects.filter(user__site=site).values_list("user__claimant_id", "tag__name")),
        "licences": sorted(
            Licence.objects.filter(site=site).values_list(
                *("item__external_id", "user__claimant_id", "starts_at", "ends_at", "ended_at", "duration_days")
            ),
            key=repr,
        ),
        "held by browsers": {
            name: sorted(browser.licences.values_list("item__external_id", "ended_at"), key=repr)
            for name, browser in twin.browsers.items()
        },
        "work items": sorted(WorkItem.objects.filter(site=site).values_list("claimant__claimant_id", "title", "state")),
        "holds": sorted(
            (names[code_id], owner, ended_as, reservation, attempt is not None)
            for code_id, owner, ended_as, reservation, attempt in CodeHold.objects.filter(code__in=names).values_list(
                *("code", "reservation__owner__claimant_id", "ended_as", "reservation__ended_as", "attempt")
            )
        ),
        "mails": sorted(
            ReceiptMail.objects.filter(attempt__site=site).values_list("attempt__claimant__claimant_id", "state")
        ),
        "attempts": sorted(
            Attempt.objects.filter(site=site).values_list(
                "reason", "claimant_given", "idempotency_key", "use_number", "step", "channel", "venue_id"
            ),
            key=repr,
        ),
        "budgets": failures(twin),
    }


def failures(twin: Twin) -> dict[str, tuple[int, int]]:
    """What is left of every budget that a guess can count against, by name."""
    named = {"site": Budget("guess site", str(twin.site.pk), 0)}
    named["network"] = Budget("guess network", f"{twin.site.pk}|10.0.0.1", 0)
    for name, caller in twin.callers.items():
        named[f"login {name}"] = Budget("guess login", caller.key, 0)
        named[f"client {name}"] = Budget("guess client", caller.key, 0)
        for claimant in CLAIMANTS:
            named[f"{name} for {claimant!r}"] = Budget("guess claimant", f"{caller.key}|{claimant.strip()}", 0)
    found = budgets.read(named.values(), clock.read())
    return {name: found[budget.scope] for name, budget in named.items() if budget.scope in found}
