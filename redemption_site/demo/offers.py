"""The demonstration's batches and codes: the contracts' own examples, one batch of every kind, and three fresh codes.

Batches are known by their names, which hold no code: names are readable in the database, codes are not.
"""

import datetime as dt
from typing import Any

from accounts import clock
from codes import issuing, jobs, switching
from codes.lookup import shown
from codes.models import Batch, Code, IssueOrder
from redemption_site.demo.people import ACTOR, People

DAY = dt.timedelta(days=1)
CREDIT: dict[str, Any] = {"action": "credit", "asset_code": "EUR", "value": 2_500}
STARTS_TOMORROW = "Example: starts tomorrow"
SWITCHED_OFF = "Example: switched off"
# What the third column says goes to NewBatch. Codes of section 8 of the redemption flow.
EXAMPLES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Example: one use", "ABC-E6W5F", CREDIT),
    ("Example: expired yesterday", "OLD-0001", CREDIT),
    (SWITCHED_OFF, "OFF-0001", CREDIT),
    (STARTS_TOMORROW, "SOON-0001", CREDIT),
    ("Example: three uses, one a person", "MULTI-0001", {**CREDIT, "uses": 3}),
    ("Example: somebody else's", "OWN-0001", CREDIT),
)
BATCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Summer vouchers", {"count": 200, "asset_code": "EUR", "value": 1_000}),
    ("Loyalty points", {"count": 100, "asset_code": "PTS", "value": 100, "format": "prepaid"}),
    ("Gold members", {"count": 50, "action": "add_tags", "parameters": {"tags": ["gold"]}, "format": "hex"}),
    ("Free cappuccino", {"count": 50, "action": "fulfilment", "parameters": {"item": "A cappuccino at the counter"}}),
    (
        "Opening week",
        {
            "count": 3,
            "asset_code": "EUR",
            "value": 500,
            "uses": 100,
            "total_cap": 150,
            "format": "pattern",
            "pattern": "OPEN-####-####-####",
        },
    ),
)
# Codes that open content. Parameters name offers of ``content.py``.
MATCH = {"access_control": "2dfe", "match": {"all": ["ProductId:09238443"]}}
CONTENT_BATCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Become a member", {"action": "add_tags", "parameters": {"tags": ["member"]}}),
    ("The Coffee Atlas", {"action": "apply_offer", "parameters": {"access_control": "2dfe"}}),
    ("Both volumes on roasting", {"action": "apply_offer_match", "parameters": MATCH}),
    (
        "Look inside the Coffee Atlas",
        {"action": "session_license", "parameters": {"access_control": 118226}, "uses": 100},
    ),
    ("Look inside both volumes", {"action": "session_license_match", "parameters": MATCH, "uses": 100}),
)
# Batches of which every load issues one more code, in the order in which the codes are shown.
FRESH: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("credits 5.00 EUR", "Fresh: money", {"asset_code": "EUR", "value": 500}),
    (
        "something to hand over",
        "Fresh: coffee",
        {"action": "fulfilment", "parameters": {"item": "A coffee of your choice"}},
    ),
    ("makes a member", "Fresh: membership", {"action": "add_tags", "parameters": {"tags": ["member", "early access"]}}),
)


def load_offers(people: People) -> None:
    """Make whatever batch is missing, and finish what an earlier load began."""
    load_examples(people)
    for name, fields in BATCHES:
        load_batch(people.site.pk, name, fields)
    for name, fields in CONTENT_BATCHES:
        load_batch(people.site.pk, name, {"count": 25, "format": "hex", **fields})
    load_batch(people.other_site.pk, "Outfitters' gift cards", {"count": 10, "asset_code": "USD", "value": 2_000})


def load_examples(people: People) -> None:
    today = clock.read().date()
    more: dict[str, dict[str, Any]] = {
        "Example: expired yesterday": {"valid_until": today - 2 * DAY},
        STARTS_TOMORROW: {"valid_from": today + DAY},
    }
    for name, text, fields in EXAMPLES:
        batch = Batch.objects.filter(site=people.site, name=name).first()
        if batch is None:
            owner_id = people.claimants["u-2002"].pk if text == "OWN-0001" else None
            new = order_of(people.site.pk, name, {"count": 1, **fields, **more.get(name, {})})
            batch = issuing.issue_supplied(new, [text], owner_id=owner_id)
            if name == SWITCHED_OFF:
                switching.switch_code(Code.objects.get(batch=batch), False, actor_id=ACTOR, reason="An example")
        if name == STARTS_TOMORROW:
            start_tomorrow(Code.objects.get(batch=batch))


def start_tomorrow(code: Code) -> None:
    """A demonstration that runs for days still has a code that is not valid yet."""
    now = clock.read()
    if code.valid_from is None or code.valid_from <= now:
        switching.change_code(code, actor_id=ACTOR, valid_from=now + DAY, reason="An example")


def load_batch(site_id: int, name: str, fields: dict[str, Any]) -> Batch:
    """The batch of this name, issued to the end."""
    batch = Batch.objects.filter(site_id=site_id, name=name).first()
    if batch is None:
        order, _ = issuing.order_batch(order_of(site_id, name, fields))
        batch = order.batch
    for order_id in IssueOrder.objects.filter(batch=batch, state__in=jobs.OPEN).values_list("pk", flat=True):
        issuing.work_order(order_id)
    batch.refresh_from_db()
    return batch


def order_of(site_id: int, name: str, fields: dict[str, Any]) -> issuing.NewBatch:
    return issuing.NewBatch(site_id=site_id, name=name, caller_key=ACTOR, actor_id=ACTOR, **fields)


def fresh_codes(people: People) -> list[dict[str, str]]:
    """Three unused codes of different kinds, new at every call, as {kind, code}."""
    return [{"kind": kind, "code": fresh_code(people.site.pk, name, fields)} for kind, name, fields in FRESH]


def fresh_code(site_id: int, name: str, fields: dict[str, Any]) -> str:
    batch = Batch.objects.filter(site_id=site_id, name=name, state=Batch.State.ACTIVE).first()
    if batch is None:
        batch = load_batch(site_id, name, {"count": 1, **fields})
        return shown(Code.objects.get(batch=batch))
    order = issuing.order_more(batch, 1, caller_key=ACTOR, actor_id=ACTOR)
    issuing.work_order(order.pk)
    return shown(Code.objects.get(order=order))
