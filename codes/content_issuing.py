"""Issuing codes that open content at once: up to 10,000 drawn ones, or one that is given, in one transaction, all or none.

For doors that answer with the codes themselves. They are ordinary codes, of an order that is done from the first moment on.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing, clock, locking
from accounts.models import Site
from codes import drawing, formats, lookup, storing
from codes.content_terms import Opens, write_terms
from codes.models import Batch, Code, IssueOrder, Terms
from codes.redemption.rollback import busy_as_refusal
from codes.storing import Block, Unnumbered

MOST_CODES = 10_000
State = Batch.State


@dataclass(frozen=True, kw_only=True)
class NewContentCodes:
    """Codes to be, all alike. ``text`` is one code given as it is, else ``count`` are drawn; ``valid_until`` is the first moment
    after validity. ``caller_key`` is kept with the order, ``actor_id`` and ``door`` with the audit."""

    site_id: int
    batch: str
    action: str
    opens: Opens
    caller_key: str
    actor_id: str
    door: str
    count: int = 1
    text: str | None = None
    uses: int = 1
    is_active: bool = True
    valid_until: dt.datetime | None = None


@dataclass
class Drawn:
    """Codes to be stored, by serial in the order of ``texts``."""

    key_version: int
    texts: list[str]
    codes: list[Unnumbered] = field(default_factory=list)


class CodeTaken(ValidationError):
    """The site has this code already, in whatever spelling and state."""

    def __init__(self) -> None:
        super().__init__({"code": ["There is this code already."]})


class BatchNameTaken(ValidationError):
    """The name belongs to a batch that was deleted whole, and stays its own."""

    def __init__(self) -> None:
        super().__init__({"batch": ["The batch of this name was deleted."]})


def issue_content_codes(new: NewContentCodes) -> list[str]:
    """Issue the codes into the batch of that name, which is made where there is none; answers them as they read.

    Raises CodeTaken, BatchNameTaken, ValidationError (codes that could be guessed), CodeFormatInvalid and CodeBusy; nothing is
    written then.
    """
    # Before the transaction: SQLite has one writer, and this takes longer than the writing.
    drawn = draw(new.site_id, new.count) if new.text is None else given(new.site_id, new.text)
    with busy_as_refusal(), transaction.atomic(durable=True):
        batch = open_batch(new.site_id, new.batch, new.actor_id)
        if new.text is None:
            guesses_per_year = Site.objects.values_list("guesses_per_year", flat=True).get(pk=new.site_id)
            formats.check("hex", "", batch.last_serial + new.count, guesses_per_year)
        now = clock.read()
        [terms] = write_terms(
            [
                Terms(
                    site_id=new.site_id,
                    action=new.action,
                    parameters=new.opens.parameters(new.action, {}),
                    uses=new.uses,
                    valid_until=new.valid_until,
                    format="hex" if new.text is None else "supplied",
                )
            ]
        )
        order = done_order(batch, terms.pk, len(drawn.texts), new.caller_key, new.actor_id, now)
        order.terms = terms
        state = Code.State.ACTIVE if new.is_active else Code.State.DISABLED
        store(order, drawn, state.value, redraw=new.text is None)
        note(batch, order, new, now)
    return drawn.texts


def draw(site_id: int, count: int) -> Drawn:
    """``count`` codes of 64 random bits, in the order of their digests: quickest to store, and it tells nobody anything."""
    texts = formats.draw_hex(count, "")
    sealed = drawing.seal(site_id, texts, lookup.canonical_all(texts))
    pairs = sorted(zip(sealed.codes, texts, strict=True))
    return Drawn(sealed.key_version, [text for _, text in pairs], [code for code, _ in pairs])


def given(site_id: int, text: str) -> Drawn:
    sealed = drawing.seal(site_id, [text], [lookup.canonical(text)])
    return Drawn(sealed.key_version, [text], list(sealed.codes))


def store(order: IssueOrder, drawn: Drawn, state: str, *, redraw: bool) -> None:
    """Store the codes under the order. A drawn one that happens to exist is drawn again; raises CodeTaken for a given one."""
    wanted: Sequence[int] = range(len(drawn.texts))
    while wanted:
        codes = [(order.first_serial + place, *drawn.codes[place]) for place in wanted]
        terms = order.terms
        block = Block(terms.pk, terms.uses, None, terms.valid_until, drawn.key_version, codes, state=state)
        wanted = [serial - order.first_serial for serial in storing.store(order, [block])]
        if wanted and not redraw:
            raise CodeTaken
        fresh = draw(order.site_id, len(wanted)) if wanted else None
        for place, text, code in zip(wanted, fresh.texts, fresh.codes, strict=True) if fresh else ():
            drawn.texts[place], drawn.codes[place] = text, code


def open_batch(site_id: int, name: str, actor_id: str) -> Batch:
    """The locked batch of this name, made if there is none and alive in any case. Raises BatchNameTaken."""
    named = Batch.objects.filter(site_id=site_id, name=name)
    if not named.exists():
        fresh = Batch(site_id=site_id, name=name, created_by=actor_id, created_at=clock.read())
        # Two who make it at once: the second waits here for the first, and then finds its row.
        Batch.objects.bulk_create([fresh], ignore_conflicts=True)
    [batch] = locking.lock_rows(named)
    if batch.state == State.ARCHIVED:
        raise BatchNameTaken
    if batch.state in (State.ISSUING, State.CANCELLED):
        # Its codes that are still being issued stay unknown until their own order is done.
        batch.state = State.ACTIVE
        batch.save(update_fields=["state"])
    return batch


def done_order(
    batch: Batch,
    terms_id: int,
    count: int,
    caller_key: str,
    actor_id: str,
    now: dt.datetime,
    *,
    moved_from: Batch | None = None,
) -> IssueOrder:
    """An order for ``count`` codes that the caller stores or moves in this very transaction; the batch is locked."""
    first_serial = batch.last_serial + 1
    batch.last_serial += count
    batch.save(update_fields=["last_serial"])
    return IssueOrder.objects.create(
        site_id=batch.site_id,
        batch=batch,
        terms_id=terms_id,
        wanted=count,
        issued=count,
        first_serial=first_serial,
        moved_from=moved_from,
        state=IssueOrder.State.DONE,
        caller=caller_key,
        actor_id=actor_id,
        due_at=now,
        created_at=now,
        started_at=now,
        finished_at=now,
    )


def note(batch: Batch, order: IssueOrder, new: NewContentCodes, now: dt.datetime) -> None:
    auditing.record(
        "batch.order",
        site=batch.site_id,
        actor_id=new.actor_id,
        object_type="batch",
        object_id=batch.pk,
        detail={"count": order.wanted, "order": order.pk, "terms": order.terms_id, "door": new.door},
        now=now,
    )
