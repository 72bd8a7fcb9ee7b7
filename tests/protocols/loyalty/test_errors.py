"""Every error of every table is provoked, byte for byte; the README's table is the program's; the refusals' tables are total."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpResponse

from accounts import loyalty_settings, members
from accounts.refusals import Refusal
from codes.refusals import CodeBusy, CodeUsedUp
from ledger import points
from ledger.models import LedgerAccount
from ledger.points_refusals import ContributorRefused, PointsRefused
from redemption_site.protocols.loyalty import refusals
from redemption_site.protocols.loyalty.errors import ERRORS, Error, Refused
from tests.codes.conftest import StoppedClock
from tests.protocols.loyalty.conftest import M1, Programme, moved
from tests.protocols.loyalty.faults import ORDER
from tests.protocols.loyalty.test_acceptance import S2
from tests.protocols.loyalty.tills import S1, USERS, Till, error, told

README = Path(settings.BASE_DIR) / "redemption_site" / "protocols" / "loyalty" / "README.md"


def switch_off(programme: Programme) -> None:
    loyalty_settings.switch_feature(programme.site, False, actor_id="system", reason="pause")


def off(programme: Programme, till: Till) -> HttpResponse:
    token = till.reserved("5")
    switch_off(programme)
    return till.redeem(token)


def closed(programme: Programme, till: Till) -> HttpResponse:
    token = till.reserved("5")
    members.close(programme.member(M1), actor_id="system", reason="asked")
    return till.redeem(token)


def telephone(programme: Programme, till: Till) -> HttpResponse:
    token = till.reserved("5")
    members.set_identifiers(programme.member(M1), [("phone_number", "0151")], actor_id="system")
    till.start("0151", S2, "PHONE_NUMBER")
    return till.redeem(token, S2)


# The seed's seven, as they stand in it.
SEED: dict[bytes, Callable[[Programme, Till], HttpResponse]] = {
    b"Business Unit is mandatory and required to be non-empty": lambda _, till: till.redeem("x", S1, "businessUnit"),
    b"Account is not eligible for redemption.": telephone,
    b"Business Unit EAST is not a valid business unit": lambda _, till: till.redeem("x", businessUnit="EAST"),
    b"reservationToken is mandatory and required to be non-empty": lambda _, till: till.redeem(
        "x", S1, "reservationToken"
    ),
    b"Could not find the reservation.": lambda _, till: till.redeem("x"),
    b"Ad Hoc Redemption feature is not enabled.": off,
    b"Could not find the account.": closed,
}


@pytest.mark.parametrize("message", SEED, ids=lambda message: message.decode())
def test_the_errors_of_the_seed(programme: Programme, till: Till, message: bytes):
    response = SEED[message](programme, till)
    body = b'{"statusCode":400,"errorMessage":"%s","errorCode":"INVALID_REQUEST"}' % message
    assert told(response) == (400, body)
    assert programme.spent() == []
    assert programme.balance() == 25_000


def ended(_: Programme, till: Till) -> HttpResponse:
    till.end()
    return till.redeem("x")


def voided(_: Programme, till: Till) -> HttpResponse:
    void = till.void(till.redeemed(till.reserved("5")))
    return till.void(void.json()["transactionId"])


def locked_account(programme: Programme, till: Till) -> HttpResponse:
    """Staff have closed the ledger's account, and the member is active."""
    LedgerAccount.objects.filter(pk=programme.account(M1).pk).update(state="closed")
    return till.reserve(reservationAmount="5")


# What no fault of the table of orders provokes.
OTHERS: dict[str, Callable[[Programme, Till], HttpResponse]] = {
    "SESSION_CLOSED": ended,
    "REDEMPTION_ID_MISSING": lambda _, till: till.reduce(
        till.reserved("5"), reservationAmount=1, redeemerId=M1, catalogueItems=[{"id": "MUG"}]
    ),
    "VOID_NOT_ALLOWED": voided,
    "CONTRIBUTIONS_NOT_ALLOWED": lambda _, till: till.reserve(reservationAmount="1", contributions={M1: 1}),
    "TOO_LARGE": lambda _, till: till.post(f"{S1}/void", b" " * 65_537),
    "NOTHING_HERE": lambda _, till: till.send("GET", USERS),
}
# Provoked elsewhere: test_requests.py takes the database away, holds locks and puts bugs in.
ELSEWHERE = {"UNAVAILABLE", "BUSY", "INTERNAL"}


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_errors(programme: Programme, till: Till, name: str):
    assert told(OTHERS[name](programme, till)) == error(ERRORS[name].message, ERRORS[name].code, ERRORS[name].status)


def test_every_error_is_provoked():
    provoked = [(fault.message, (fault.code, fault.status)) for faults in ORDER.values() for fault in faults]

    def is_provoked(told: Error) -> bool:
        text = re.compile(re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(told.message)))
        return any(text.fullmatch(message) and rest == (told.code, told.status) for message, rest in provoked)

    missing = {name for name, told in ERRORS.items() if not is_provoked(told)}
    assert missing == OTHERS.keys() | ELSEWHERE


def test_the_readme_s_table_is_the_program_s():
    rows = re.findall(r"^\| (\d{3}) \| `(.+?)` \| `(.+?)` \| (.+) \|$", README.read_text(), re.MULTILINE)
    assert rows == [(str(told.status), told.message, told.code, told.when) for told in ERRORS.values()]


def test_the_tables_of_refusals_are_total():
    assert set(refusals.ANSWERS) == set(Refusal.tree())
    tree = set(PointsRefused.__subclasses__()) | set(ContributorRefused.__subclasses__())
    assert set(refusals.POINTS) == tree - {ContributorRefused}


def test_a_refusal_that_cannot_come_is_a_bug():
    assert refusals.told_as(CodeUsedUp()).error is ERRORS["INTERNAL"]
    busy = refusals.told_as(CodeBusy())
    assert (busy.error, busy.headers) == (ERRORS["BUSY"], {"Retry-After": "1"})


def test_what_is_sent_fills_in_a_text_once():
    refused = Refused(ERRORS["BUSINESS_UNIT_INVALID"], businessUnit="{businessUnit} {0}")
    assert refused.body["errorMessage"] == "Business Unit {businessUnit} {0} is not a valid business unit"


def test_a_ledger_account_that_was_closed(programme: Programme, till: Till):
    before = moved()
    response = locked_account(programme, till)
    assert response.status_code == 400
    assert moved()["bookings"] == before["bookings"]


def test_a_member_suspended_while_the_call_is_judged(
    programme: Programme, till: Till, monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock
):
    """The deed looks again, under its locks."""
    reserve = points.reserve_points

    def late(command: points.ReservePoints) -> points.Reserved:
        members.suspend(programme.member(M1), actor_id="system", reason="lost")
        return reserve(command)

    monkeypatch.setattr(points, "reserve_points", late)
    assert told(till.reserve(reservationAmount="5")) == error("Account is not eligible for redemption.")
    assert programme.held() == 0
