"""Judging advices that are due: many at a time by the engine, each with its own clock, together with its work.

Any number of drains may run at once, and each may be killed anywhere. Source: redemption advice, section 6.
"""

import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID, uuid5

import structlog

from accounts import database, outages
from accounts.callers import Caller, caller_for_client
from accounts.models import Client
from codes.advice import inbox
from codes.advice.inbox import Claim, Held
from codes.advice.reading import Received, read_advices
from codes.redemption.commands import REPORTED_DOOR, RedeemCode, Reported
from codes.redemption.engine import redeem_reported
from codes.redemption.rollback import TIMED_OUT

LIST = 1_000
# Where most are of one text, that code is locked for as long as the list takes: shorter lists let others come in between.
HOT_LIST = 256
# SQLite has one writer, and whoever redeems waits for it.
LIST_ON_SQLITE = 100

log = structlog.get_logger(__name__)


def drain(*, seconds: float | None = None) -> int:
    """Judge what is due until nothing is, or ``seconds`` are over; answers how many advices were claimed."""
    started, claimed, callers = time.monotonic(), 0, dict[int, Caller]()
    return_unreturned()
    while seconds is None or time.monotonic() - started < seconds:
        began = time.monotonic()
        claims = inbox.claim(LIST if database.is_postgresql() else LIST_ON_SQLITE)
        if not claims:
            break
        claimed += len(claims)
        work(claims, callers)
        if not database.is_postgresql() and len(claims) == LIST_ON_SQLITE:
            time.sleep(time.monotonic() - began)  # As long again for everybody else.
    return claimed


def work(claims: Sequence[Claim], callers: dict[int, Caller] | None = None) -> None:
    """Judge claimed advices; one that cannot be judged spoils no other, and is tried again later.

    ``callers`` are those known from earlier lists, by client ID, and become those of this one too.
    """
    by_id, callers = {each.advice_id: each for each in claims}, {} if callers is None else callers
    try:
        advices = read_advices(list(by_id))
        texts = [each.unsealed() for each in advices]
        callers |= read_callers({each.client_id for each in advices} - set(callers))
        for start, size in portions(texts):
            part = advices[start : start + size]
            judge([by_id[each.pk] for each in part], part, texts[start : start + size], callers)
    except Exception as error:
        # Whatever it was: nothing of a list that raises has changed anything, and done work is not held any more.
        log.exception("advices not judged", count=len(claims))
        give_back = inbox.put_back if len(claims) == 1 or is_temporary(error) else inbox.part
        try:
            give_back(claims, type(error).__name__)
        except Exception:
            unreturned.claims += claims
            raise


class _Unreturned(threading.local):
    """What this thread could not even put back, for the database was away.

    Put back once it has returned: a lease that ends would have every single one worked alone, as if it had killed somebody.
    """

    def __init__(self) -> None:
        self.claims: list[Claim] = []


unreturned = _Unreturned()


def return_unreturned() -> None:
    if unreturned.claims:
        inbox.put_back(unreturned.claims, "The database was away.")
        unreturned.claims = []


def is_temporary(error: Exception) -> bool:
    """Whether the database is away or busy, which no single advice is the reason of; one of a list that takes too long may be."""
    return outages.is_away(error) and outages.sqlstate(error) != TIMED_OUT


def judge(
    claims: Sequence[Claim], advices: Sequence[Received], texts: Sequence[str], callers: Mapping[int, Caller]
) -> None:
    """One list by the engine, in one transaction; those it could not judge are put back."""
    commands = [command_of(each, text, callers) for each, text in zip(advices, texts, strict=True)]
    ids = {command.id: advice.pk for command, advice in zip(commands, advices, strict=True)}
    held = Held(claims, ids, {advice.pk: advice.site_id for advice in advices})
    failed = {ids[o.attempt.pk]: o.refusal for o in redeem_reported(commands, held) if not o.kept}
    by_reason: dict[str, list[Claim]] = {}
    for each in claims:
        if refusal := failed.get(each.advice_id):
            by_reason.setdefault(refusal.reason, []).append(each)
    for reason, group in by_reason.items():
        inbox.put_back(group, reason)


def portions(texts: Sequence[str]) -> list[tuple[int, int]]:
    """(start, length) of the lists that are judged one after another: one, or shorter ones where one text dominates."""
    most = Counter(texts).most_common(1)[0][1] if texts else 0
    size = HOT_LIST if 2 * most > len(texts) else len(texts)
    return [(start, size) for start in range(0, len(texts), max(1, size))]


def read_callers(client_ids: Collection[int]) -> dict[int, Caller]:
    """As whom each client reports, by its ID: a key that was revoked since then had reported in time."""
    clients = Client.objects.select_related("site").in_bulk(client_ids) if client_ids else {}
    return {client_id: caller_for_client(client, frozenset()) for client_id, client in clients.items()}


def command_of(advice: Received, text: str, callers: Mapping[int, Caller]) -> RedeemCode:
    return RedeemCode(
        caller=callers[advice.client_id],
        code=text,
        claimant_id="",
        door=REPORTED_DOOR,
        channel=advice.redemption_type[:30],
        venue_id=advice.venue_id,
        reported=Reported(advice.received_at, advice.happened_at, advice.problem),
        id=attempt_id_of(advice.pk, advice.rounds),
    )


def attempt_id_of(advice_id: UUID, rounds: int) -> UUID:
    """Of the attempt that judges an advice for the so-manieth time: made from its own, so that no round has two."""
    return uuid5(advice_id, str(rounds)) if rounds else advice_id
