"""Lock and load: everything the judgement needs, read under the locks, a fixed number of statements for a whole list.

Lock order: batches (only where a rule counts over the batch), codes by ID, reservations whose token is brought, ledger accounts by
ID.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from accounts import digests
from codes import formats, keys, lookup
from codes.actions.registry import ACTIONS
from codes.models import IssueOrder
from codes.redemption import holding, journal, reporting, statements
from codes.redemption.case import BatchFacts, Case, ClaimantFacts, ClaimantUses, CodeFacts, Facts
from codes.redemption.commands import BROWSER_DOOR, RedeemCode
from codes.redemption.guessing import Guesses
from codes.redemption.rounds import BatchLockNeeded, JudgeAgain
from codes.refusals import CodeFormatInvalid
from ledger.books import Books, Standing
from ledger.settling import settle


def read_commands(commands: Sequence[RedeemCode]) -> list[Case]:
    """Step 2's reading, before any lock: the canonical form of each code, and the fingerprint of what came with a key."""
    cases = []
    for command in commands:
        case = Case(command)
        if len(command.code) <= lookup.LONGEST_TYPED:
            try:
                case.form = lookup.canonical(command.code)
                case.lookups = keys.lookups(command.caller.site_id, case.form)
            except CodeFormatInvalid as refusal:
                case.unreadable = refusal
        if command.idempotency_key is not None:
            case.fingerprint = fingerprint(command)
        cases.append(case)
    return cases


def fingerprint(command: RedeemCode) -> bytes:
    """A keyed digest of the deed and everything the caller said in the command."""
    reference = "" if command.reference is None else f"={command.reference}"
    token = command.reservation_token or ""
    browser = () if command.browser_id is None else (str(command.browser_id),)
    comment = (f"comment={command.comment}",) if command.comment else ()
    said = (command.code, command.claimant_id, command.channel, command.venue_id, reference, token, *browser, *comment)
    return digests.keyed("redeem", *said)


def lock(
    cases: list[Case],
    locked_batches: set[int],
    *,
    owners: Collection[tuple[int, str]] = (),
    tokens: Collection[bytes] = (),
) -> Facts:
    """Lock what the list touches, then read it again; nothing read before a lock is judged. Raises BatchLockNeeded.

    Beside the list's own claimants and tokens ``owners`` (site ID, claimant ID) and ``tokens`` (digests) are of whoever reserves.
    """
    statements.lock_batches(locked_batches)
    wanted = lookups_by_version(cases)
    claimants = {(case.command.caller.site_id, case.claimant_id) for case in cases if case.claimant_id}.union(owners)
    code_ids, accounts = statements.lock_codes_and_accounts(wanted, claimants, holding.tokens_of(cases).union(tokens))
    # Every lock is held: only now may the clock be read, for a wait may outlast a code's last valid moment.
    guesses = Guesses(cases)
    asked_keys = {
        (c.command.caller.key, c.command.idempotency_key) for c in cases if c.command.idempotency_key is not None
    }
    moment = statements.read_moment(code_ids, claimants, asked_keys, guesses.budgets)
    standings = {standing.id: standing for standing in accounts}
    people = load_claimants(cases, moment.claimants, standings)
    codes = load_codes(cases, moment.codes, locked_batches)
    load_browsers(cases, moment.now)
    books = load_accounts(cases, standings)
    settle(books, moment.now, debits=bool(owners))  # A redemption credits; who reserves or confirms takes.
    earlier = journal.read_earlier(moment.earlier)
    load_uses(cases, codes)
    holding.load(codes, moment.now)
    reporting.load(cases, books)
    for action, group in by_action(case for case in cases if not case.command.reported):
        ACTIONS[action].load(group)
    return Facts(cases, books, moment.now, earlier, guesses.begin(moment.standing, moment.now), people)


def lookups_by_version(cases: Sequence[Case]) -> dict[int, set[tuple[int, bytes]]]:
    """{key version: {(site ID, digest)}} of the codes that could be read."""
    wanted: dict[int, set[tuple[int, bytes]]] = {version: set() for version in keys.versions()}
    for case in cases:
        for version, digest in case.lookups.items():
            wanted[version].add((case.command.caller.site_id, digest))
    return wanted


def load_codes(cases: Sequence[Case], found: Sequence[CodeFacts], locked_batches: set[int]) -> list[CodeFacts]:
    """Give each case its code. Raises BatchLockNeeded."""
    # A code that is not issued to the end is unknown to everybody, its attempts included: the order may yet be cancelled.
    codes = [code for code in found if code.order_state == IssueOrder.State.DONE]
    unlocked = {code.batch_id for code in codes if code.needs_batch_lock} - locked_batches
    if unlocked:
        raise BatchLockNeeded(unlocked | locked_batches)
    by_digest: dict[tuple[int, bytes], CodeFacts] = {}
    batches: dict[int, BatchFacts] = {}
    for code in codes:
        # One object for all codes of a batch, so that each case sees what earlier ones of the list took from its cap.
        code.batch = batches.setdefault(code.batch_id, BatchFacts(code.batch_cap, code.batch_uses))
        for digest in (code.lookup_odd, code.lookup_even):
            if digest is not None:
                by_digest[code.site_id, bytes(digest)] = code
    for case in cases:
        for digest in case.lookups.values():
            case.code = case.code or by_digest.get((case.command.caller.site_id, digest))
    find_typos(cases)
    return codes


def find_typos(cases: Sequence[Case]) -> None:
    """Where the look-up found nothing and the site has codes of our own format, judge the check symbol.

    Only then: a code made elsewhere may have the shape of ours.
    """
    suspects = [case for case in cases if case.code is None and formats.has_wrong_check_symbol(case.form or "")]
    if suspects:
        sites = statements.read_sites_with_own_codes({case.command.caller.site_id for case in suspects})
        for case in suspects:
            case.typo = case.command.caller.site_id in sites


def load_claimants(
    cases: Sequence[Case], found: Sequence[Sequence[Any]], standings: dict[int, Standing]
) -> dict[tuple[int, str], ClaimantFacts]:
    """Give each case its claimant, with the accounts that were locked; answers all by (site ID, claimant ID)."""
    claimants = {row[0]: ClaimantFacts(row[0], row[1], row[2], bool(row[3]), row[4]) for row in found}
    for standing in standings.values():
        if standing.owner_id in claimants:
            claimants[standing.owner_id].accounts[standing.kind] = standing.id
    by_name = {(each.site_id, each.claimant_id): each for each in claimants.values()}
    for case in cases:
        case.claimant = by_name.get((case.command.caller.site_id, case.claimant_id))
    return by_name


def load_browsers(cases: Sequence[Case], now: dt.datetime) -> None:
    """Tell the cases that are for a browser, whoever is signed in there, and which browsers hold what such a code gave.

    A session code that nobody has redeemed needs no statement.
    """
    wanted: set[tuple[int, int]] = set()
    for case in cases:
        if case.code and case.command.door == BROWSER_DOOR and ACTIONS[case.code.action].for_browser:
            case.for_browser = True
            case.signed_in, case.claimant = case.claimant, None
            if case.browser_id is not None and case.code.redemptions:
                wanted.add((case.code.id, case.browser_id))
    held = statements.read_held_by_browsers(wanted, now)
    for case in cases:
        if case.code and case.for_browser:
            case.code.browsers.update(
                {browser: number for (code, browser), number in held.items() if code == case.code.id}
            )


def load_accounts(cases: Sequence[Case], standings: dict[int, Standing]) -> Books:
    """The claimants' accounts that value could move to, and the batches' outstanding accounts that it would come from.

    The latter have no balance to guard and so no lock: every redemption of a batch shares one. Raises JudgeAgain if a claimant
    was given an account while the codes were waited for.
    """
    without: set[int] = set()
    for case in cases:
        code = case.code
        if code and code.asset_id is not None and case.command.reported:
            add_outstanding(standings, code)
        elif code and code.asset_id is not None and case.claimant:
            case.account = standings.get(case.claimant.accounts.get(kind_of(code), 0))
            if case.account is None:
                without.add(case.claimant.id)
            add_outstanding(standings, code)
    if statements.count_accounts(without) != sum(standing.owner_id in without for standing in standings.values()):
        raise JudgeAgain
    return Books(standings)


def add_outstanding(standings: dict[int, Standing], code: CodeFacts) -> None:
    """Put the outstanding account of a code's batch among the accounts."""
    if code.outstanding_id is not None and code.outstanding_state is not None and code.asset_id is not None:
        standings[code.outstanding_id] = Standing(
            code.outstanding_id, code.site_id, code.asset_id, None, "", code.outstanding_state, 0, None, 0
        )


def kind_of(code: CodeFacts) -> str:
    """Which of a claimant's accounts takes value of the code's asset."""
    return "cash" if code.asset_kind == "money" else "points"


def load_uses(cases: Sequence[Case], codes: Sequence[CodeFacts]) -> None:
    """What claimants have done with codes and batches before; a fresh code needs no statement."""
    used = [code for code in codes if code.redemptions]
    if used:
        pairs = {(c.code.id, c.claimant.id) for c in cases if c.code and c.code.redemptions and c.claimant}
        uses = statements.read_uses(pairs)
        exhausted = [code for code in used if code.state == "used_up" or code.uses >= code.max_uses]
        last = statements.read_last_redemptions(exhausted)
        for code in exhausted:
            code.last_redemption = last.get(code.id)
        for case in cases:
            if case.code and case.claimant and (case.code.id, case.claimant.id) in uses:
                case.uses = ClaimantUses(*uses[case.code.id, case.claimant.id])
    # One counter for all cases of a list that concern the same code and claimant, so that each sees the earlier ones.
    shared: dict[tuple[int, int], ClaimantUses] = {}
    for case in cases:
        if case.code and case.claimant:
            case.uses = shared.setdefault((case.code.id, case.claimant.id), case.uses)
    cooling = {(c.claimant.id, c.code.batch_id) for c in cases if c.code and c.claimant and c.code.cooldown_seconds}
    last_in_batch = statements.read_last_in_batch(cooling)
    for code in codes:
        assert code.batch is not None
        for (claimant_id, batch_id), instant in last_in_batch.items():
            if batch_id == code.batch_id:
                code.batch.last_by_claimant[claimant_id] = instant


def by_action(cases: Iterable[Case]) -> list[tuple[str, list[Case]]]:
    """The cases whose code was found, grouped by action."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.code is not None:
            groups.setdefault(case.code.action, []).append(case)
    return list(groups.items())
