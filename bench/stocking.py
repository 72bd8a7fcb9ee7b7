"""Making the data through the platform's own deeds: site, key, claimants with cash accounts, batches of codes."""

import time
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts import beginnings, client_keys, clock
from accounts.models import Site, User
from bench import cpu, limits
from codes import issuing, keys
from codes.issuing import NewBatch
from codes.models import Batch, Code, IssueOrder
from ledger import opening
from ledger.models import Asset, LedgerAccount

SITE = "bench"
WORTH_CENTS = 500
USES_OF_A_HOT_CODE = 1_000_000


def claimant_id(number: int) -> str:
    return f"bench-{number}"


def claimants_of_codes() -> int:
    """How many claimants codes are redeemed for; members of households are others."""
    return User.objects.filter(claimant_id__startswith="bench-").count()


def prepare(claimants: int) -> dict[str, Any]:
    """The site and who is on it; answers the API key and the first IDs of the claimants and their accounts."""
    Asset.objects.create(code="EUR", name="Euro", kind=Asset.Kind.MONEY, exponent=2)
    site = Site.objects.create(
        slug=SITE, name="Bench", domain="bench.localhost", default_asset_code="EUR", created_at=clock.read()
    )
    beginnings.begin(site)
    client = client_keys.create_client(site, "load", ["redeem", "assign"], actor_id="bench")
    with transaction.atomic():
        users = [
            opening.create_claimant(site, f"{claimant_id(number)}@example.test", claimant_id=claimant_id(number))
            for number in range(claimants)
        ]
    accounts = list(LedgerAccount.objects.filter(owner__in=users).order_by("owner_id").values_list("id", flat=True))
    for ids in ([user.pk for user in users], accounts):
        # The floor finds the account of claimant n by adding n, so that it need not look anything up.
        assert ids == list(range(ids[0], ids[0] + claimants)), "The claimants' IDs have gaps."
    return {"key": client.key, "claimants": claimants, "first_user": users[0].pk, "first_account": accounts[0]}


def issue(name: str, batch_id: int | None, count: int, path: str) -> dict[str, int]:
    """``count`` codes of a single use in the batch, made if there is none, and their texts as lines of a file."""
    if batch_id is None:
        order, _ = issuing.order_batch(new_batch(name, count))
    else:
        batch = Batch.objects.get(pk=batch_id)
        order = issuing.order_more(batch, count, caller_key=SITE, actor_id=SITE)
    return finish(order, path)


def issue_timed(count: int, server_pid: int) -> dict[str, Any]:
    """``count`` codes in a batch of their own, from the order to its activation: a rate, and microseconds of processor a code."""
    order, _ = issuing.order_batch(new_batch(f"timed {clock.read().isoformat()}", count))
    started, own, database = time.monotonic(), time.process_time(), cpu.seconds_below(server_pid)
    assert issuing.work_order(order.pk).state == IssueOrder.State.DONE
    seconds = time.monotonic() - started
    return {
        "order_id": order.pk,
        "per_second": count / seconds,
        "cpu_us": (time.process_time() - own) * 1e6 / count,
        "database_cpu_us": (cpu.seconds_below(server_pid) - database) * 1e6 / count,
    }


def issue_hot(name: str, path: str) -> dict[str, int]:
    """One code of very many uses, and its text as the only line of a file."""
    order, _ = issuing.order_batch(new_batch(name, 1, uses=USES_OF_A_HOT_CODE, uses_per_claimant=USES_OF_A_HOT_CODE))
    return finish(order, path)


def new_batch(name: str, count: int, **terms: Any) -> NewBatch:
    return NewBatch(
        site_id=Site.objects.get(slug=SITE).pk,
        name=name,
        count=count,
        caller_key=SITE,
        actor_id=SITE,
        **{"asset_code": "EUR", "value": WORTH_CENTS, **terms},
    )


def finish(order: IssueOrder, path: str) -> dict[str, int]:
    assert issuing.work_order(order.pk).state == IssueOrder.State.DONE
    codes = Code.objects.filter(order=order).order_by("id").values_list("id", "site_id", "key_version", "sealed")
    ids, texts = [], []
    for code_id, site_id, key_version, sealed in codes.iterator(chunk_size=10_000):
        ids.append(code_id)
        texts.append(keys.unseal(site_id, key_version, sealed))
    assert ids == list(range(ids[0], ids[0] + order.wanted)), "The codes' IDs have gaps."
    Path(path).write_text("\n".join(texts))
    # One transaction: alone the command commits once for each table.
    with transaction.atomic(), limits.lifted() as cursor:
        # Autovacuum would get round to it within a minute: until then plans would be made for an empty table.
        cursor.execute("ANALYZE")
    return {"batch_id": order.batch_id, "first_id": ids[0]}
