"""The contract's acceptance cases, by their numbers, as captured bytes through the URL; judged as the workers judge."""

import datetime as dt
import json
from collections import Counter

import pytest
from celery import current_app
from django.conf import settings
from django.db import OperationalError
from django.http import HttpResponse

from codes import keys
from codes.advice.draining import drain
from codes.models import Advice, Code, PendingAdvice
from tests.advice import make_venue
from tests.factories import make_code
from tests.protocols.advice.conftest import Merchant, recorded
from tests.protocols.advice.test_answers import assert_headers, assert_refused, both_forms, error_body
from tests.protocols.advice.tills import JSON, SEED_KEY, XML, Till, as_json, database_away, encoded, seed

SEED_REQUEST = b"""POST /v3/redemptionAdvice HTTP/1.1
Host: localhost
Content-Type: application/json
Accept-Language: en-US
x-vmob-authorization: dm1vYi53aW5kb3dzLjE6

{"redemptionText":"ABC-E6W5F","externalVenueId":"921","externalVenueSystemType":10,"redemptionType":"NFC",\
"redemptionDate":"2015-01-20T10:21:47Z","redemptionAdviceTimezoneOffset":"-10:30"}"""
XML_REQUEST = b"""POST /v3/redemptionAdvice HTTP/1.1
Host: localhost
Content-Type: application/xml
x-vmob-authorization: dm1vYi53aW5kb3dzLjE6

<?xml version="1.0" encoding="utf-8"?>
<redemptionAdvice>
  <redemptionText>ABC-E6W5F</redemptionText>
  <externalVenueId>921</externalVenueId>
  <externalVenueSystemType>10</externalVenueSystemType>
  <redemptionType>NFC</redemptionType>
  <redemptionDate>2015-01-20T10:21:47Z</redemptionDate>
  <redemptionAdviceTimezoneOffset>-10:30</redemptionAdviceTimezoneOffset>
</redemptionAdvice>"""
REQUESTS = {JSON: SEED_REQUEST, XML: XML_REQUEST}
HAPPENED = dt.datetime(2015, 1, 20, 10, 21, 47, tzinfo=dt.UTC)
NOT_AUTHENTICATED = (
    b'{"error":"invalid_request","error_description":'
    b'"The authorization grant type is not supported by the authorization server."}'
)

pytestmark = pytest.mark.usefixtures("merchant")


def captured(request: bytes, without: str = "", **headers: str) -> HttpResponse:
    """Send a request as it was captured, with a header left out or others instead."""
    head, _, body = request.partition(b"\n\n")
    request_line, *lines = head.decode().splitlines()
    method, path, _ = request_line.split(" ")
    given = dict(line.split(": ", 1) for line in lines) | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    given.pop(without, None)
    content_type = given.pop("Content-Type", None)
    return Till(None, given.pop("Host")).send(body, content_type, method=method, path=path, headers=given)


def assert_accepted(response: HttpResponse, form: str = JSON) -> None:
    assert (response.status_code, response.reason_phrase, response.content) == (202, "Accepted", b"")
    assert_headers(response, {"Content-Type": form, "Content-Length": "0"})


def outcomes() -> list[str]:
    """What became of all reports, in the order in which they came."""
    drain()
    assert not PendingAdvice.objects.exists()
    return list(Advice.objects.order_by("received_at", "id").values_list("outcome", flat=True))


def outcome_of(response: HttpResponse, form: str = JSON) -> str:
    """What became of the only report there is."""
    assert_accepted(response, form)
    [outcome] = outcomes()
    return outcome


def only() -> Advice:
    return Advice.objects.select_related("attempt", "venue").get()


@both_forms
def test_case_1_and_3_a_report_marks_the_code_used_then_and_there(merchant: Merchant, form: str):
    assert outcome_of(captured(REQUESTS[form]), form) == "redeemed"

    advice, code = only(), merchant.code()
    assert (code.state, code.uses, code.redemptions) == ("used_up", 1, 1)
    assert (advice.venue, advice.redemption_type, advice.happened_at) == (merchant.venue, "NFC", HAPPENED)
    assert advice.media == ("json" if form == JSON else "xml")
    assert (advice.attempt.code_id, advice.attempt.happened_at, advice.attempt.venue_id) == (code.pk, HAPPENED, "921")
    assert advice.attempt.claimant_id is None


@both_forms
def test_case_2_the_same_again_finds_it_used(merchant: Merchant, form: str):
    captured(REQUESTS[form])
    assert outcomes() == ["redeemed"]
    [first] = Advice.objects.all()

    assert_accepted(captured(REQUESTS[form]), form)

    assert outcomes() == ["redeemed", "already_used"]
    assert merchant.used() == 1
    assert Advice.objects.get(pk=first.pk).attempt.happened_at == HAPPENED


def test_case_4_no_credentials():
    response = captured(SEED_REQUEST, without="x-vmob-authorization")

    assert (response.status_code, response.content) == (400, NOT_AUTHENTICATED)
    assert_headers(response, {"Content-Type": JSON, "Content-Length": str(len(NOT_AUTHENTICATED))})
    assert recorded() == 0


@pytest.mark.parametrize("key", ["!!!", encoded("nobody"), encoded("pos.client.7", "wrong")])
def test_case_5_wrong_credentials(key: str):
    response = captured(SEED_REQUEST, x_vmob_authorization=key)

    assert (response.status_code, response.content) == (400, NOT_AUTHENTICATED)
    assert_headers(response, {"Content-Type": JSON, "Content-Length": str(len(NOT_AUTHENTICATED))})
    assert recorded() == 0


def test_case_6_no_credentials_in_xml():
    response = captured(XML_REQUEST, without="x-vmob-authorization")

    assert response.status_code == 400
    assert response.content == (
        b'<?xml version="1.0" encoding="utf-8"?>\n'
        b"<response><error>invalid_request</error><error_description>"
        b"The authorization grant type is not supported by the authorization server."
        b"</error_description></response>"
    )
    assert_headers(response, {"Content-Type": XML, "Content-Length": str(len(response.content))})
    assert recorded() == 0


@both_forms
def test_case_7_an_unknown_text(merchant: Merchant, form: str):
    assert outcome_of(merchant.till.report(form, redemptionText="DOES-NOT-EXIST"), form) == "unknown_text"


@both_forms
def test_case_8_no_text(merchant: Merchant, form: str):
    assert outcome_of(merchant.till.report(form, "redemptionText"), form) == "invalid_text"


@both_forms
def test_case_9_an_empty_text(merchant: Merchant, form: str):
    assert outcome_of(merchant.till.report(form, redemptionText=""), form) == "invalid_text"


REFUSED = {
    10: ((), {"externalVenueId": "999"}, "externalVenueId is not valid."),
    11: ((), {"externalVenueSystemType": 11}, "externalVenueId is not valid."),
    12: (
        ("externalVenueSystemType",),
        {},
        "externalVenueSystemType is required when externalVenueId is provided.",
    ),
    13: ((), {"externalVenueSystemType": "ten"}, "externalVenueSystemType is not valid."),
}


@both_forms
@pytest.mark.parametrize("case", REFUSED)
def test_case_10_to_13_a_venue_that_cannot_be(merchant: Merchant, case: int, form: str):
    without, changed, sentence = REFUSED[case]

    assert_refused(merchant.till.report(form, *without, **changed), sentence, form)
    assert recorded() == 0
    assert merchant.used() == 0


@both_forms
def test_case_14_without_a_venue(merchant: Merchant, form: str):
    response = merchant.till.report(form, "externalVenueId", "externalVenueSystemType")

    assert outcome_of(response, form) == "redeemed"
    assert (only().venue, only().attempt.venue_id, merchant.code().state) == (None, "", "used_up")


@both_forms
def test_case_15_a_system_type_alone_is_ignored(merchant: Merchant, form: str):
    assert outcome_of(merchant.till.report(form, "externalVenueId"), form) == "redeemed"
    assert only().venue is None


def test_case_16_a_venue_as_a_number(merchant: Merchant):
    assert outcome_of(merchant.till.report(externalVenueId=921)) == "redeemed"
    assert only().venue == merchant.venue


@both_forms
def test_case_17_another_merchant_sees_neither_venue_nor_code(merchant: Merchant, form: str):
    assert_refused(merchant.others_till.report(form), "externalVenueId is not valid.", form)
    response = merchant.others_till.report(form, "externalVenueId", "externalVenueSystemType")

    assert outcome_of(response, form) == "unknown_text"
    assert merchant.used() == 0
    assert only().site == merchant.other


@pytest.mark.parametrize("form", [JSON, XML])
@pytest.mark.parametrize("body", [b'{"redemptionText":', b"[]", b""])
def test_case_18_a_body_that_cannot_be_read(merchant: Merchant, body: bytes, form: str):
    assert_refused(merchant.till.send(body, form), "The request body could not be read.", form)
    assert recorded() == 0


@pytest.mark.parametrize(
    "content_type", ["text/plain", None, "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_case_19_another_content_type(merchant: Merchant, content_type: str | None):
    assert_refused(merchant.till.send(as_json(seed()), content_type), "The content type is not supported.")
    assert recorded() == 0


@both_forms
def test_case_20_no_date(merchant: Merchant, form: str):
    assert outcome_of(merchant.till.report(form, redemptionDate="yesterday"), form) == "invalid_date"
    assert merchant.used() == 0


@both_forms
def test_case_21_offsets(merchant: Merchant, form: str):
    assert outcome_of(merchant.till.report(form, redemptionAdviceTimezoneOffset="+15:00"), form) == "invalid_offset"
    assert merchant.used() == 0

    merchant.till.report(form, redemptionAdviceTimezoneOffset="+2:00")
    assert outcomes() == ["invalid_offset", "redeemed"]
    assert [each.offset_minutes for each in Advice.objects.order_by("received_at")] == [None, 120]


@both_forms
@pytest.mark.parametrize(
    ("date", "outcome"), [("2015-01-18T12:00:00Z", "redeemed"), ("2015-01-20T10:21:47Z", "expired")]
)
def test_case_22_validity_is_judged_at_the_date_reported(merchant: Merchant, date: str, outcome: str, form: str):
    response = merchant.till.report(form, redemptionText="ABC-OLD01", redemptionDate=date)

    assert outcome_of(response, form) == outcome
    assert merchant.used("ABC-OLD01") == (outcome == "redeemed")


@both_forms
def test_case_23_the_wrong_venue(merchant: Merchant, form: str):
    assert outcome_of(merchant.till.report(form, redemptionText="ABC-VEN01"), form) == "wrong_venue"
    assert merchant.used("ABC-VEN01") == 0
    make_venue(merchant.site, "500")
    merchant.till.report(form, redemptionText="ABC-VEN01", externalVenueId="500")
    assert outcomes() == ["wrong_venue", "redeemed"]


@both_forms
def test_case_24_a_shared_text_is_counted(merchant: Merchant, form: str):
    code = make_code(merchant.site, "BURGER", uses=1_000, worth_cents=0)
    for _ in range(2):
        assert_accepted(merchant.till.report(form, redemptionText="BURGER"), form)

    assert outcomes() == ["recorded", "recorded"]
    code.refresh_from_db()
    assert (code.redemptions, code.state) == (2, "active")


@both_forms
def test_case_25_the_local_time(merchant: Merchant, form: str):
    captured(REQUESTS[form])

    assert outcomes() == ["redeemed"]
    local = only().happened_at + dt.timedelta(minutes=only().offset_minutes)
    assert (only().offset_minutes, local.strftime("%Y-%m-%d %H:%M:%S")) == (-630, "2015-01-19 23:51:47")


def test_case_26_a_document_type(merchant: Merchant):
    head, _, body = XML_REQUEST.partition(b"<redemptionAdvice>")
    for doctype in (
        b"<!DOCTYPE redemptionAdvice>",
        b'<!DOCTYPE redemptionAdvice SYSTEM "http://127.0.0.1:9/x.dtd">',
        b'<!DOCTYPE redemptionAdvice [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
    ):
        response = captured(head + doctype + b"<redemptionAdvice>" + body)
        assert_refused(response, "The request body could not be read.", XML)
    assert recorded() == 0


def test_case_27_another_method():
    response = Till().send(b"", None, method="GET")

    assert (response.status_code, response.content) == (405, b"")
    assert_headers(response, {"Allow": "POST", "Content-Length": "0"})


@both_forms
def test_case_28_the_queue_down(merchant: Merchant, form: str, monkeypatch: pytest.MonkeyPatch):
    """At the broker's address nobody listens. A server without a broker is tried in tests/races/test_advice.py."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")

    assert_accepted(captured(REQUESTS[form]), form)

    assert PendingAdvice.objects.count() == 1
    assert outcomes() == ["redeemed"]


@both_forms
def test_case_29_the_database_down(merchant: Merchant, form: str):
    """Whatever is asked of it fails. A server whose database is cut off is tried in tests/races/test_advice.py."""
    merchant.till.report(form)
    with database_away(OperationalError):
        response = captured(REQUESTS[form])

    assert_refused(response, "The request could not be processed.", form, 500, "server_error")
    if form == JSON:
        assert response.content == (
            b'{"error":"server_error","error_description":"The request could not be processed."}'
        )
    assert recorded() == 1


def test_case_30_nobody_reports_too_often(merchant: Merchant):
    body = as_json(seed())
    statuses = Counter(merchant.till.send(body).status_code for _ in range(500))

    assert statuses == {202: 500}
    assert recorded() == 500


def test_case_30_nobody_fails_too_often(merchant: Merchant):
    assert Counter(Till(encoded("pos.client.7", str(n))).report().status_code for n in range(200)) == {400: 200}
    assert Till(encoded("pos.client.7", "s3cret")).report(JSON, "externalVenueId").status_code == 202
    for n in range(50):
        assert merchant.till.report(redemptionText=f"GUESS-{n}").status_code == 202
    assert Counter(outcomes()) == {"unknown_text": 51}


@both_forms
def test_case_31_many_equal_reports_one_use(merchant: Merchant, form: str):
    """One after another; at the same moment they come in tests/races/test_advice.py."""
    for _ in range(20):
        assert_accepted(captured(REQUESTS[form]), form)

    assert Counter(outcomes()) == {"redeemed": 1, "already_used": 19}
    assert merchant.used() == 1


@both_forms
def test_case_32_an_unknown_field_is_kept_in_the_raw_body(merchant: Merchant, form: str):
    response = merchant.till.report(form, till="7")

    assert outcome_of(response, form) == "redeemed"
    advice = only()
    raw = keys.unseal_bytes(advice.site_id, advice.key_version, bytes(advice.raw))
    assert b'"till":"7"' in raw or b"<till>7</till>" in raw


def test_the_seed_request_is_the_contracts():
    assert SEED_KEY.encode() in SEED_REQUEST
    assert json.loads(SEED_REQUEST.partition(b"\n\n")[2]) == seed()
    assert settings.HTTPS is False
    assert (
        error_body(JSON, "The authorization grant type is not supported by the authorization server.")
        == NOT_AUTHENTICATED
    )
    assert Code.objects.count() == 3
