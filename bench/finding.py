"""``python3 run.py bench finding``: the desk's and the API's lists over a crowd of codes, look-ups among few and many, and exports.

Apart from the rounds of redemptions: it fills a database of its own with millions of rows, which takes minutes, and measures
milliseconds in one process. Every list stands beside its own floor in the same run: the plain statement that reads as many rows of
the same table by primary key.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.grounds import Ground, Shelf

REAL = 3_000  # Codes with digests of their own, to be looked up and redeemed in each round.
EXPORTED = 200_000
SIZES = (10_000, 1_000_000, 5_000_000)
REPEATS = 7
FIRST_MARK_MS, RATIO_MARK = 300.0, 1.5
ATTEMPTS_PER_CODE = 0.4


@dataclass
class Found:
    """What was measured: milliseconds of each list and its floor; redemptions and look-ups a second by number of codes."""

    lists: dict[str, tuple[float, float]]
    rates: dict[int, dict[str, float]]
    export: dict[str, float]


def measure(ground: Ground, largest: int, say: Callable[[str], None]) -> Found:
    """Fill the ground step by step up to ``largest`` codes and measure at each; the lists at the end."""
    rates: dict[int, dict[str, float]] = {}
    shelf, there = Shelf(ground, "ours"), 0
    sizes = [size for size in SIZES if size < largest] + [largest]
    for size in sizes:
        shelf.fill(REAL)
        if not there:
            shelf.used(ground.redeem(shelf.take(20), seconds=0.2, size=1, warm_up=1)["used"])  # What the crowd repeats.
        filled = ground.do("crowd", codes=size - there, attempts=int((size - there) * ATTEMPTS_PER_CODE))
        say(f"{size:,} codes: filled in {filled['seconds']} s")
        there = size
        rates[size] = rates_of(ground, shelf)
        say(f"{size:,} codes: {rates[size]['redeem']:.0f} redemptions, {rates[size]['look_up']:.0f} look-ups a second")
    lists = {name: tuple(pair) for name, pair in ground.do("time_lists", batch_id=filled["batch_id"]).items()}
    export = ground.do("time_export", count=min(EXPORTED, largest))
    return Found(lists, rates, export)


def rates_of(ground: Ground, shelf: Shelf) -> dict[str, float]:
    """Medians of a few short runs, each of fresh codes."""
    redeemed = []
    for _ in range(5):
        ran = ground.redeem(shelf.take(REAL // 6), seconds=1, size=1, warm_up=30)
        shelf.used(ran["used"])
        redeemed.append(ran["per_second"])
    shelf.used(shelf.left)  # The next size has fresh ones.
    looked_up = ground.do("time_look_ups", path=shelf.path)
    return {"redeem": median(redeemed), "look_up": looked_up}


def table(found: Found) -> str:
    """What a person reads."""
    lines = ["", f"{'list':<64} {'ours':>9} {'floor':>9}  mark ≤ {FIRST_MARK_MS:.0f} ms"]
    for name, (ours, floor) in found.lists.items():
        lines.append(f"{name:<64} {ours:>6.1f} ms {floor:>6.1f} ms  {'yes' if ours <= FIRST_MARK_MS else 'no'}")
    few = min(found.rates)
    lines += [
        "",
        f"{'codes':>12} {'redemptions':>12} {'look-ups':>12}   rate at {few:,} codes / rate here, mark ≤ {RATIO_MARK}",
    ]
    for size, rate in found.rates.items():
        ratios = [found.rates[few][name] / rate[name] for name in ("redeem", "look_up")]
        reached = "yes" if max(ratios) <= RATIO_MARK else "no"
        lines.append(
            f"{size:>12,} {rate['redeem']:>10.0f}/s {rate['look_up']:>10.0f}/s   {ratios[0]:.2f} {ratios[1]:.2f}  {reached}"
        )
    export = found.export
    lines += ["", f"export: {export['ours']:,.0f} rows/s; COPY TO of the same rows {export['floor']:,.0f} rows/s; "
              f"ratio {export['ours'] / export['floor']:.3f}; memory grew by {export['grown_mb']:.1f} MB"]  # fmt: skip
    return "\n".join(lines)


# Inside the platform: bench/inside.py calls these.


def time_lists(batch_id: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of each page in process, beside those of reading as many rows of its table by key."""
    from accounts import client_keys
    from accounts.models import Site, User
    from codes.models import Code

    site = Site.objects.get(slug="bench")
    code, owner = Code.objects.filter(batch_id=batch_id).earliest("serial"), site.users.earliest("id")
    staff = User.objects.create_user(None, "desk@bench.test", None, is_staff=True, is_superuser=True)
    key = client_keys.create_client(site, "lists", ["read"], actor_id="bench")
    get_desk, get_api = browsers(staff, key.key)
    named = {"batch": batch_id, "code": code.pk, "owner": owner.pk, "claimant": owner.claimant_id}
    try:
        measured = {}
        for get, table_name, path in [*((get_desk, *page) for page in DESK), *((get_api, *page) for page in API)]:
            address = path.format(**named)
            measured[address] = (timed(lambda get=get, address=address: get(address)), floor(table_name))
        return measured
    finally:
        key.client.delete()  # Redemptions are asked for by the only client there is.


DESK = (
    ("codes_batch", "/admin/codes/batch/"), ("codes_batch", "/admin/codes/batch/{batch}/change/"),
    ("codes_code", "/admin/codes/code/"), ("codes_code", "/admin/codes/code/?batch={batch}"),
    ("codes_code", "/admin/codes/code/?state__exact=disabled"), ("codes_code", "/admin/codes/code/?state__exact=deleted"),
    ("codes_code", "/admin/codes/code/?batch={batch}&state__exact=deleted"), ("codes_code", "/admin/codes/code/?owner={owner}"),
    ("codes_code", "/admin/codes/code/{code}/change/"), ("codes_attempt", "/admin/codes/attempt/"),
    ("codes_attempt", "/admin/codes/attempt/?batch={batch}"), ("codes_attempt", "/admin/codes/attempt/?code={code}"),
    ("codes_attempt", "/admin/codes/attempt/?claimant={owner}"), ("codes_attempt", "/admin/codes/attempt/?when=hour"),
    ("codes_attempt", "/admin/codes/attempt/?reason=cooldown_active"), ("codes_attempt", "/admin/codes/attempt/?q=order-17"),
    ("ledger_ledgertransaction", "/admin/ledger/ledgertransaction/"),
    ("ledger_ledgertransaction", "/admin/ledger/ledgertransaction/?type__exact=reversal"),
    ("ledger_ledgeraccount", "/admin/ledger/ledgeraccount/"), ("codes_attempt", "/admin/"),
)  # fmt: skip
API = (
    ("codes_batch", "/api/v1/batches"), ("codes_batch", "/api/v1/batches/{batch}"), ("codes_code", "/api/v1/codes"),
    ("codes_code", "/api/v1/codes?batch={batch}"), ("codes_code", "/api/v1/codes?state=deleted"),
    ("codes_code", "/api/v1/codes?owner={claimant}"), ("codes_attempt", "/api/v1/redemptions"),
    ("codes_attempt", "/api/v1/redemptions?batch={batch}"), ("codes_attempt", "/api/v1/redemptions?claimant_id={claimant}"),
    ("codes_attempt", "/api/v1/redemptions?reason=cooldown_active"), ("codes_attempt", "/api/v1/redemptions?reference=order-17"),
)  # fmt: skip


def browsers(staff: Any, key: str) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    """Asking as a member of staff and as a program, through the whole stack but the network."""
    from django.test import Client

    desk = Client(headers={"host": "bench.localhost"})
    desk.force_login(staff, backend="accounts.signing_in.EmailBackend")
    program = Client(headers={"host": "bench.localhost", "authorization": f"Bearer {key}"})
    return desk.get, program.get


def timed(ask: Callable[[], Any]) -> float:
    """The median in milliseconds, the first time left out. Raises RuntimeError unless it is answered 200."""
    taken = []
    for number in range(REPEATS + 1):
        started = time.perf_counter()
        answer = ask()
        if number:
            taken.append((time.perf_counter() - started) * 1_000)
        if answer is not None and answer.status_code != 200:
            raise RuntimeError(f"Answered {answer.status_code}")
    return median(taken)


def floor(table_name: str) -> float:
    from django.db import connection

    def read() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table_name} ORDER BY id DESC LIMIT 51")
            cursor.fetchall()

    return timed(read)


def time_look_ups(path: str) -> float:
    """Look-ups a second, of codes in another spelling than theirs."""
    from accounts.models import Site
    from codes.lookup import find_code

    site = Site.objects.get(slug="bench")
    texts = [line.strip().lower().replace("-", " ") for line in Path(path).read_text().split("\n")][:500]
    for text in texts[:50]:
        find_code(site.pk, text)
    started = time.perf_counter()
    if not all(find_code(site.pk, text) for text in texts):
        raise RuntimeError("A code was not found.")
    return len(texts) / (time.perf_counter() - started)


def time_export(count: int) -> dict[str, float]:
    """Rows a second of an export of real codes and of COPY TO of their rows, and by how much memory grew."""
    from bench import limits
    from bench.stocking import new_batch
    from codes import issuing
    from codes.exporting import ExportCodes, export_codes

    order, _ = issuing.order_batch(new_batch("exported", count))
    issuing.work_order(order.pk)
    before = peak = resident_mb()
    started = time.perf_counter()
    for _ in export_codes(ExportCodes(order.batch, "csv", "bench", "to measure it", "bench")):
        peak = max(peak, resident_mb())
    ours = count / (time.perf_counter() - started)
    with limits.lifted() as cursor:
        started = time.perf_counter()
        columns = "serial, sealed, state, uses, max_uses, valid_from, valid_until, owner_id, terms_id, last_redeemed_at"
        rows = f"SELECT {columns} FROM codes_code WHERE batch_id = {order.batch_id} ORDER BY serial"
        with cursor.copy(f"COPY ({rows}) TO STDOUT") as copied:
            for _ in copied:
                pass
        floor_rate = count / (time.perf_counter() - started)
    return {"ours": ours, "floor": floor_rate, "grown_mb": peak - before}


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096 / 1e6


def as_json(found: Found) -> str:
    return json.dumps({"lists": found.lists, "rates": found.rates, "export": found.export}, indent=2)
