"""Receipts by e-mail: sent after the redemption's commit, tried again while the mail server is away, never undoing anything.

A row goes out at least once: a worker killed between sending and marking leaves it due, and the next one sends it again, with
the same Message-ID, by which mail programs know a twin.
"""

import datetime as dt
import random
import time
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import translation

from accounts import auditing, clock
from accounts.locking import lock_rows
from accounts.models import User
from codes.lookup import shown
from codes.models import Attempt, ReceiptMail
from codes.receipt_words import Receipt

LEASE = dt.timedelta(seconds=30)
MOST_TRIES = 8
LONGEST_DELAY_SECONDS = 300
SECONDS_A_RUN = (
    12  # A dead server costs EMAIL_TIMEOUT a mail: a run ends in time for its task's limit, the next goes on.
)
CANDIDATES = 32

log = structlog.get_logger(__name__)


def send_due_mails(limit: int = 100) -> int:
    """Send the mails that are due, at most ``limit`` of them; answers how many went out. Any number may run at once."""
    began_at, sent = time.monotonic(), 0
    for _ in range(limit):
        mail = claim()
        if mail is None or time.monotonic() - began_at > SECONDS_A_RUN:
            break
        sent += send(mail)
    return sent


def due(now: dt.datetime) -> "QuerySet[ReceiptMail]":
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return ReceiptMail.objects.filter(free, state=ReceiptMail.State.DUE, due_at__lte=now)


def claim() -> ReceiptMail | None:
    """Take one due mail under a lease with a new token. The try is counted before the work, so that a mail that kills its
    worker is parked as well."""
    candidates = list(due(clock.read()).order_by("due_at").values_list("pk", flat=True)[:CANDIDATES])
    if not candidates:
        return None
    with transaction.atomic(durable=True):
        rows = lock_rows(ReceiptMail.objects.filter(pk__in=candidates, state=ReceiptMail.State.DUE), skip_locked=True)
        now = clock.read()
        for row in rows:
            if row.due_at > now or (row.lease_until and row.lease_until > now):
                continue  # Another worker had it between our two readings.
            if row.tries >= MOST_TRIES:
                park(row, row.error or "Every try ended without an answer.")
                continue
            row.tries, row.token, row.lease_until = row.tries + 1, row.token + 1, now + LEASE
            row.save(update_fields=["tries", "token", "lease_until"])
            return row
    return None


def send(mail: ReceiptMail) -> bool:
    """Send one claimed mail, outside any transaction, and mark it; False if it did not go out."""
    try:
        message = write_message(mail)
        if message is not None:
            message.send()
    except Exception as error:  # Whatever it was, the redemption stands and the mail is tried again.
        put_back(mail, type(error).__name__)
        return False
    if message is None:
        finish(mail, state=ReceiptMail.State.PARKED, error="The claimant has no e-mail address.")
        return False
    finish(mail, state=ReceiptMail.State.SENT, sent_at=clock.read(), error="")
    return True


def put_back(mail: ReceiptMail, error: str) -> None:
    """Make a failed mail due again after 1 s, 2 s, 4 s … 5 min, or park it after the eighth try."""
    if mail.tries >= MOST_TRIES:
        park(mail, error)
        return
    seconds = min(LONGEST_DELAY_SECONDS, 2 ** (mail.tries - 1)) * random.uniform(0.75, 1.25)  # noqa: S311
    log.warning("receipt mail failed", attempt_id=str(mail.pk), tries=mail.tries, error=error)
    finish(mail, due_at=clock.read() + dt.timedelta(seconds=seconds), error=error)


def park(mail: ReceiptMail, error: str) -> None:
    """Give a mail up until staff send it again."""
    if finish(mail, state=ReceiptMail.State.PARKED, error=error):
        log.error("receipt mail parked", attempt_id=str(mail.pk), tries=mail.tries, error=error)


def finish(mail: ReceiptMail, **columns: object) -> bool:
    """End a claim; False if the lease was lost and another worker holds the mail now."""
    ours = ReceiptMail.objects.filter(pk=mail.pk, token=mail.token, state=ReceiptMail.State.DUE)
    return bool(ours.update(lease_until=None, **columns))


def send_again(mail: ReceiptMail, *, actor_id: str) -> bool:
    """Staff's second chance for a parked mail: due now, with eight new tries. False if it was not parked."""
    with transaction.atomic(durable=True):
        now = clock.read()
        parked = ReceiptMail.objects.filter(pk=mail.pk, state=ReceiptMail.State.PARKED)
        revived = parked.update(state=ReceiptMail.State.DUE, due_at=now, tries=0, error="")
        if revived:
            auditing.record(
                "receiptmail.send_again",
                site=mail.attempt.site_id,
                actor_id=actor_id,
                object_type="receiptmail",
                object_id=mail.pk,
                now=now,
            )
    return bool(revived)


def write_message(mail: ReceiptMail) -> EmailMultiAlternatives | None:
    """The mail in the claimant's language; None where there is nobody to write to."""
    attempt = Attempt.objects.select_related("site", "code", "claimant", "reversal", "work_item").get(pk=mail.pk)
    claimant, code, site = attempt.claimant, attempt.code, attempt.site
    if claimant is None or not claimant.email or code is None:
        return None
    with translation.override(language_of(claimant, site.language)):
        receipt = Receipt.of(attempt, shown(code), site)
        context = {"receipt": receipt, "site": site, "address": address_of(site.domain, attempt.pk)}
        subject = " ".join(render_to_string("codes/receipt_mail_subject.txt", context).split())
        message = EmailMultiAlternatives(
            subject,
            render_to_string("codes/receipt_mail.txt", context),
            to=[claimant.email],
            headers={"Message-ID": f"<receipt.{attempt.pk}@{site.domain}>", "Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(render_to_string("codes/receipt_mail.html", context), "text/html")
    return message


def language_of(claimant: User, fallback: str) -> str:
    spoken = dict(settings.LANGUAGES)
    return next((language for language in (claimant.language, fallback) if language in spoken), settings.LANGUAGE_CODE)


def address_of(domain: str, attempt_id: UUID) -> str:
    return f"https://{domain}/receipts/{attempt_id}"
