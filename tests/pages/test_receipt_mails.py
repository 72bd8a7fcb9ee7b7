"""Receipts by e-mail: the words, the tries, and what a fault at any moment leaves behind."""

import datetime as dt
from uuid import UUID

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from accounts import clock
from accounts.callers import caller_for_user
from accounts.models import AuditRecord, User
from codes import mailing
from codes.models import ReceiptMail
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code
from ledger.models import LedgerAccount
from tests.factories import make_claimant, make_code, make_site

State = ReceiptMail.State


class Down(BaseEmailBackend):
    """A mail server that is not there."""

    def send_messages(self, email_messages):
        raise ConnectionRefusedError("ABC-E6W5F")


@pytest.fixture
def server_down(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Down"


def redeemed(user: User, code: str = "ABC-E6W5F") -> ReceiptMail:
    """The mail that the engine leaves behind."""
    command = RedeemCode(caller=caller_for_user(user, user.site), code=code, claimant_id=user.claimant_id, door="page")
    return ReceiptMail.objects.get(pk=redeem_code(command).attempt.pk)


@pytest.fixture
def due(anna, demo_site) -> ReceiptMail:
    make_code(demo_site, "ABC-E6W5F", worth_cents=2500)
    return redeemed(anna)


def pass_seconds(settings, seconds: float) -> None:
    settings.CLOCK_OFFSET_SECONDS += seconds


def test_a_receipt_is_sent_once_with_its_facts_and_its_address(due, mailoutbox):
    assert (mailing.send_due_mails(), mailing.send_due_mails()) == (1, 0)

    due.refresh_from_db()
    [message] = mailoutbox
    assert (due.state, due.tries, due.lease_until, due.error) == (State.SENT, 1, None, "")
    assert due.sent_at is not None
    assert message.to == ["anna@example.test"]
    assert message.subject == f"Corner Café: receipt {due.attempt.receipt_id}, €25.00 credited"
    for words in ("€25.00 credited", "ABC-E6W5F", due.attempt.receipt_id, f"https://demo.localhost/receipts/{due.pk}"):
        assert words in message.body
        assert words in message.alternatives[0].content
    assert message.extra_headers["Message-ID"] == f"<receipt.{due.pk}@demo.localhost>"


@pytest.mark.parametrize(("of_claimant", "of_site"), [("de", "en"), ("", "de")])
def test_it_speaks_the_claimants_language_and_else_the_sites(of_claimant, of_site, due, anna, mailoutbox):
    User.objects.filter(pk=anna.pk).update(language=of_claimant)
    type(anna.site).objects.filter(pk=anna.site_id).update(language=of_site)

    mailing.send_due_mails()

    assert "25,00\u00a0€ gutgeschrieben" in mailoutbox[0].body
    assert "Eingelöst am" in mailoutbox[0].body
    assert "Beleg" in mailoutbox[0].subject


def test_names_are_text_and_never_markup_or_headers(db, mailoutbox):
    site = make_site(slug="odd", name="A & <b>\r\nBcc: evil@example.test")
    make_code(site, "ODD-0001")
    redeemed(make_claimant(site, email="a@example.test"), "ODD-0001")

    assert mailing.send_due_mails() == 1
    assert "\n" not in mailoutbox[0].subject
    assert mailoutbox[0].recipients() == ["a@example.test"]
    assert "<b>\r\nBcc" not in mailoutbox[0].alternatives[0].content


def test_a_claimant_without_an_address_gets_no_mail(demo_site, mailoutbox):
    make_code(demo_site, "ABC-E6W5F")
    quiet = make_claimant(demo_site, email="")
    command = RedeemCode(caller=caller_for_user(quiet, quiet.site), code="ABC-E6W5F", claimant_id=quiet.claimant_id)
    redeem_code(command)

    assert mailing.send_due_mails() == 0
    assert not ReceiptMail.objects.exists()


def test_an_address_taken_away_meanwhile_parks_the_mail(due, anna, mailoutbox):
    User.objects.filter(pk=anna.pk).update(email="")

    assert mailing.send_due_mails() == 0
    due.refresh_from_db()
    assert (due.state, mailoutbox) == (State.PARKED, [])


def test_a_mail_server_that_is_down_costs_nothing_but_time(due, anna, settings, server_down, logged):
    assert mailing.send_due_mails() == 0

    due.refresh_from_db()
    assert LedgerAccount.objects.get(owner=anna, kind="cash").balance == 2500
    assert (due.state, due.tries, due.error, due.lease_until) == (State.DUE, 1, "ConnectionRefusedError", None)
    assert 0.5 < (due.due_at - clock.read()).total_seconds() < 1.5
    assert "ABC-E6W5F" not in logged.getvalue()

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    assert mailing.send_due_mails() == 0  # Not due yet.
    pass_seconds(settings, 2)
    assert (mailing.send_due_mails(), mailing.send_due_mails()) == (1, 0)
    assert len(mail.outbox) == 1


def test_it_is_tried_eight_times_at_growing_distances_and_then_parked_with_an_alarm(due, settings, server_down, logged):
    waits = []
    for _ in range(7):
        mailing.send_due_mails()
        due.refresh_from_db()
        waits.append((due.due_at - clock.read()).total_seconds())
        pass_seconds(settings, waits[-1] + 0.1)
    assert due.state == State.DUE
    mailing.send_due_mails()

    due.refresh_from_db()
    assert (due.state, due.tries) == (State.PARKED, 8)
    for number, seconds in enumerate(waits):
        assert 0.7 * 2**number < seconds < 1.3 * 2**number
    assert '"receipt mail parked"' in logged.getvalue()
    assert '"level": "error"' in logged.getvalue()
    pass_seconds(settings, 3_600)
    assert mailing.send_due_mails() == 0


def test_the_distance_never_exceeds_five_minutes(due, settings, monkeypatch, server_down):
    monkeypatch.setattr(mailing, "MOST_TRIES", 99)
    ReceiptMail.objects.update(tries=20)

    mailing.send_due_mails()

    due.refresh_from_db()
    assert due.due_at - clock.read() < dt.timedelta(seconds=300 * 1.3)


def test_a_worker_killed_after_sending_sends_again_under_the_same_name(due, settings, monkeypatch, mailoutbox):
    """At least once: between the mail server's yes and our note of it there is always a moment."""
    with monkeypatch.context() as patch:
        patch.setattr(mailing, "finish", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            mailing.send_due_mails()

    assert mailing.send_due_mails() == 0  # Its lease still holds.
    pass_seconds(settings, 31)
    assert mailing.send_due_mails() == 1
    assert len({message.extra_headers["Message-ID"] for message in mailoutbox}) == 1
    assert len(mailoutbox) == 2


def test_a_mail_that_kills_every_worker_is_parked(due, settings, monkeypatch, mailoutbox):
    with monkeypatch.context() as patch:
        patch.setattr(mailing, "send", lambda mail: (_ for _ in ()).throw(SystemExit))
        for _ in range(8):
            with pytest.raises(SystemExit):
                mailing.send_due_mails()
            pass_seconds(settings, 31)

    assert mailing.send_due_mails() == 0
    due.refresh_from_db()
    assert (due.state, due.tries, mailoutbox) == (State.PARKED, 8, [])


def test_who_lost_the_lease_changes_nothing(due, settings):
    first = mailing.claim()
    pass_seconds(settings, 31)
    second = mailing.claim()

    assert first is not None
    assert second is not None
    assert not mailing.finish(first, state=State.PARKED)
    assert mailing.finish(second, state=State.SENT, sent_at=clock.read())


def test_one_that_cannot_be_sent_does_not_hold_up_the_others(due, anna, demo_site, mailoutbox, monkeypatch):
    make_code(demo_site, "DEF-0002")
    other = redeemed(anna, "DEF-0002")
    write = mailing.write_message
    monkeypatch.setattr(mailing, "write_message", lambda mail: write(mail) if mail.pk == other.pk else 1 / 0)

    assert mailing.send_due_mails() == 1
    due.refresh_from_db()
    assert (due.state, due.error) == (State.DUE, "ZeroDivisionError")


def test_staff_can_have_a_parked_mail_sent_again(due, mailoutbox):
    ReceiptMail.objects.update(state=State.PARKED, tries=8)

    assert mailing.send_again(due, actor_id="staff")
    assert not mailing.send_again(due, actor_id="staff")

    assert mailing.send_due_mails() == 1
    assert AuditRecord.objects.get(action="receiptmail.send_again").object_id == str(due.pk)


def test_a_run_sends_no_more_than_it_was_asked_for(anna, demo_site, mailoutbox):
    make_code(demo_site, "MANY-0001", uses=9, uses_per_claimant=9)
    for _ in range(5):
        redeemed(anna, "MANY-0001")

    assert [mailing.send_due_mails(limit=2) for _ in range(3)] == [2, 2, 1]


def test_workers_side_by_side_send_each_mail_once(committed_db, monkeypatch):
    site = make_site(slug="demo", default_asset_code="")
    make_code(site, "MANY-0001", uses=20, uses_per_claimant=20)
    anna = make_claimant(site, email="anna@example.test")
    for _ in range(12):
        redeemed(anna, "MANY-0001")
    sent: list[UUID] = []
    monkeypatch.setattr(
        mailing.EmailMultiAlternatives, "send", lambda self: sent.append(self.extra_headers["Message-ID"])
    )

    counts = committed_db.together(*[mailing.send_due_mails] * 4)

    # A worker that finds every candidate locked goes home early; what it left is another's, or due at the next ring.
    assert sum(counts) + mailing.send_due_mails() == 12
    assert len(sent) == len(set(sent)) == 12
