"""Bodies that must be refused before anything is judged, and the ones that only look odd."""

import gzip
import json
import time

import pytest

from codes.models import Attempt
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, TOKEN, VALIDATIONS, Door, signed_in

GOOD = b'{"code":"ABC-E6W5F","claimant_id":"u-1001"}'
FORM = "application/x-www-form-urlencoded"


def with_member(member: bytes) -> bytes:
    return b'{"code":"ABC-E6W5F","claimant_id":"u-1001",' + member + b"}"


def nested(depth: int) -> bytes:
    """The good body with one more member, ``depth`` levels deep with the body itself."""
    return with_member(b'"deep":' + b"[" * (depth - 1) + b"]" * (depth - 1))


MALFORMED = {
    "empty": b"",
    "white space": b"  \n",
    "half a string": b'{"code":"ABC',
    "two values": GOOD + GOOD,
    "trailing comma": b'{"code":"ABC-E6W5F",}',
    "single quotes": b"{'code':'ABC-E6W5F'}",
    "comment": b'{"code":"ABC-E6W5F"/*x*/}',
    "a list": b'["ABC-E6W5F"]',
    "a text": b'"ABC-E6W5F"',
    "null": b"null",
    "a number": b"12",
    "a name twice": b'{"code":"ABC-E6W5F","code":"OLD-0001","claimant_id":"u-1001"}',
    "a name twice by escape": rb'{"code":"ABC-E6W5F","c\u006fde":"OLD-0001","claimant_id":"u-1001"}',
    "an unknown name twice": with_member(b'"a":{"b":1,"b":2}'),
    "NaN": with_member(b'"a":NaN'),
    "Infinity": with_member(b'"a":Infinity'),
    "minus infinity": with_member(b'"a":-Infinity'),
    "infinite by exponent": with_member(b'"a":1e999'),
    "19 digits": with_member(b'"a":1234567890123456789'),
    "19 digits in a fraction": with_member(b'"a":1.234567890123456789'),
    "21 levels": nested(21),
    "10,000 levels": b"[" * 10_000,
    "1,001 members": with_member(b'"a":[' + b",".join([b"1"] * 999) + b"]"),
    "not UTF-8": b'{"code":"\xff\xfe","claimant_id":"u-1001"}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "overlong UTF-8": b'{"code":"\xc0\xaf","claimant_id":"u-1001"}',
    "raw NUL": b'{"code":"ABC\x00E6W5F","claimant_id":"u-1001"}',
    "escaped NUL": rb'{"code":"ABC\u0000E6W5F","claimant_id":"u-1001"}',
    "escaped NUL in an unknown field": with_member(rb'"a":["\u0000"]'),
    "escaped NUL in a name": with_member(rb'"\u0000":1'),
    "lone high surrogate": rb'{"code":"\ud800","claimant_id":"u-1001"}',
    "lone low surrogate": rb'{"code":"ABC-E6W5F","claimant_id":"\udc00"}',
    "raw control character": b'{"code":"ABC\x07E6W5F","claimant_id":"u-1001"}',
    "control character in the claimant": rb'{"code":"ABC-E6W5F","claimant_id":"u-\u00071001"}',
    "line break in the reference": with_member(rb'"reference":"a\nb"'),
    "direction override in the channel": with_member(rb'"channel":"\u202eBEW"'),
    "code as a list": b'{"code":["ABC-E6W5F"],"claimant_id":"u-1001"}',
    "code as an object": b'{"code":{"$ne":""},"claimant_id":"u-1001"}',
    "code as true": b'{"code":true,"claimant_id":"u-1001"}',
    "channel as a number": with_member(b'"channel":1'),
    "venue as a list": with_member(b'"venue_id":[]'),
    "reference as false": with_member(b'"reference":false'),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_cannot_be_read_is_malformed_and_changes_nothing(tenant: Tenant, program: Door, body: bytes):
    redeeming, validating = program.post(REDEMPTIONS, body), program.post(VALIDATIONS, body)

    for response in (redeeming, validating):
        assert (response.status_code, response.json()["reason"]) == (400, "request_malformed")
    # One attempt: the redemption's. A validation changes nothing.
    assert [str(attempt.pk) for attempt in Attempt.objects.all()] == [redeeming.json()["transaction_id"]]
    assert tenant.code().uses == 0


@pytest.mark.parametrize(
    "body",
    [
        nested(20),
        with_member(b'"a":[' + b",".join([b"1"] * 990) + b"]"),
        with_member(b'"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[,,,,,\\""'),
        with_member(b'"a":123456789012345678'),
        with_member(b'"a":[[],[],[],{},{},{},[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]'),
        with_member(rb'"a":"\ud83d\ude00 \\u0000"'),
        b'\r\n\t {"claimant_id" : " u-1001\\n" , "code":"ABC-E6W5F"} ',
        with_member(b'"channel":null,"venue_id":null,"reference":null'),
    ],
    ids=[
        "20 levels",
        "many members",
        "brackets in a text",
        "18 digits",
        "flat brackets",
        "emoji",
        "white space",
        "nulls",
    ],
)
def test_a_body_that_only_looks_odd_is_redeemed(tenant: Tenant, program: Door, body: bytes):
    assert program.post(REDEMPTIONS, body).status_code == 201


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"a":"' + b'\\"' * 500_000, b'{"a":' * 200_000], ids=len)
def test_limits_are_applied_before_parsing(program: Door, body: bytes):
    """Elsewhere a body may have 1 MiB: what is hostile in it is refused in a moment."""
    started = time.perf_counter()

    response = program.post("/api/v1/batches", body)

    assert (response.status_code, response.json()["code"]) == (400, "request_malformed")
    assert time.perf_counter() - started < 0.5


def test_16_kib_are_read_and_one_byte_more_is_not(tenant: Tenant, program: Door):
    padding = b'"a":"' + b"x" * (16_384 - len(with_member(b'"a":""'))) + b'"'

    assert len(with_member(padding)) == 16_384
    assert program.post(REDEMPTIONS, with_member(padding)).status_code == 201
    response = program.post(REDEMPTIONS, with_member(padding) + b" ")
    assert (response.status_code, response.json()["reason"]) == (413, "request_too_large")


def test_elsewhere_the_limit_is_a_mebibyte(program: Door):
    response = program.post("/api/v1/batches", b" " * 1_048_577)

    assert (response.status_code, response.json()["code"]) == (413, "request_too_large")
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("length", "status"), [("99999999999999", 413), ("20000", 413), ("10", 400), ("-1", 400), ("1_0", 400), ("x", 400)]
)
def test_an_announced_length_that_is_wrong(tenant: Tenant, program: Door, length: str, status: int):
    response = program.browser.generic(
        "POST",
        REDEMPTIONS,
        GOOD,
        "application/json",
        headers=program.headers,
        HTTP_HOST=program.host,
        CONTENT_LENGTH=length,
    )

    assert response.status_code == status
    assert tenant.code().uses == 0


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x"])
def test_no_compressed_bodies(tenant: Tenant, program: Door, coding: str):
    response = program.post(REDEMPTIONS, gzip.compress(GOOD), headers={"Content-Encoding": coding})

    assert (response.status_code, response.json()["reason"]) == (415, "unsupported_media_type")


def test_identity_is_no_compression(tenant: Tenant, program: Door):
    assert program.post(REDEMPTIONS, GOOD, headers={"Content-Encoding": "identity"}).status_code == 201


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 201),
        ("Application/JSON; Charset=UTF-8", 201),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json;", 201),
        ("application/problem+json", 415),
        ("*/*", 415),
        ("json", 415),
        ("multipart/mixed; boundary=x", 415),
    ],
)
def test_content_types(tenant: Tenant, program: Door, content_type: str, status: int):
    assert program.post(REDEMPTIONS, GOOD, content_type=content_type).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"code=ABC-E6W5F&claimant_id=u-1001&other=1&other=2", 400),
        (b"code=ABC-E6W5F&claimant_id=u-1001&other=", 201),
        (b"code=+abc+e6w5f+&claimant_id=u-1001", 201),
        (b"code=%EF%BC%A1BC-E6W5F&claimant_id=u-1001", 201),
        (b"code=ABC-E6W5F&code=OLD-0001&claimant_id=u-1001", 400),
        (b"code=%FF&claimant_id=u-1001", 400),
        (b"code=ABC%00E6W5F&claimant_id=u-1001", 400),
        (b"code=\xff&claimant_id=u-1001", 400),
        (b"&".join(b"a%d=" % number for number in range(1_001)), 400),
        (b"claimant_id=u-1001", 400),
        (b"", 400),
    ],
)
def test_urlencoded_forms(tenant: Tenant, program: Door, body: bytes, status: int):
    assert program.post(REDEMPTIONS, body, content_type=FORM).status_code == status


def multipart(*parts: tuple[str, bytes], end: bytes = b"--x--\r\n") -> bytes:
    return b"".join(b"--x\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts) + end


CODE = ('Content-Disposition: form-data; name="code"', b"ABC-E6W5F")
CLAIMANT = ('Content-Disposition: form-data; name="claimant_id"', b"u-1001")
MULTIPART = {
    "two fields": (multipart(CODE, CLAIMANT), 201),
    "a preamble and an epilogue": (b"hello\r\n" + multipart(CODE, CLAIMANT) + b"bye", 201),
    "text with its type": (
        multipart((CODE[0] + "\r\nContent-Type: text/plain; charset=utf-8", CODE[1]), CLAIMANT),
        201,
    ),
    "a file": (multipart((CODE[0] + '; filename="code.txt"', CODE[1]), CLAIMANT), 400),
    "a nameless file": (multipart((CODE[0] + '; filename=""', CODE[1]), CLAIMANT), 400),
    "a file in another field": (
        multipart(CODE, CLAIMANT, ('Content-Disposition: form-data; name="x"; filename="x"', b"")),
        400,
    ),
    "a part that is JSON": (multipart((CODE[0] + "\r\nContent-Type: application/json", CODE[1]), CLAIMANT), 400),
    "text in another alphabet": (
        multipart((CODE[0] + "\r\nContent-Type: text/plain; charset=utf-16", CODE[1]), CLAIMANT),
        400,
    ),
    "base64": (multipart((CODE[0] + "\r\nContent-Transfer-Encoding: base64", b"QUJD"), CLAIMANT), 400),
    "not UTF-8": (multipart((CODE[0], b"\xff\xfe"), CLAIMANT), 400),
    "a name twice": (multipart(CODE, CODE, CLAIMANT), 400),
    "no name": (multipart(("Content-Disposition: form-data", b"x"), CODE, CLAIMANT), 400),
    "no headers": (b"--x\r\n\r\nABC\r\n--x--\r\n", 400),
    "cut short": (multipart(CODE, CLAIMANT, end=b""), 400),
    "another boundary": (multipart(CODE, CLAIMANT).replace(b"--x", b"--y"), 400),
    "no parts": (b"--x--\r\n", 400),
    "empty": (b"", 400),
}


@pytest.mark.parametrize(("body", "status"), MULTIPART.values(), ids=MULTIPART.keys())
def test_multipart_forms_are_text_and_nothing_else(tenant: Tenant, program: Door, body: bytes, status: int):
    response = program.post(REDEMPTIONS, body, content_type="multipart/form-data; boundary=x")

    assert response.status_code == status, response.json()
    if status == 400 and body != b"--x--\r\n":
        assert response.json()["reason"] == "request_malformed"


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"multipart/form-data; boundary={'b' * 71}"])
def test_multipart_without_a_boundary(tenant: Tenant, program: Door, content_type: str):
    assert program.post(REDEMPTIONS, multipart(CODE, CLAIMANT), content_type=content_type).status_code == 400


@pytest.mark.parametrize("key", ["", "a b", "a,b", "k" * 256, "ключ", "a\x7f", "tab\there"])
def test_a_bad_idempotency_key_is_malformed_and_leaves_an_attempt(tenant: Tenant, program: Door, key: str):
    response = program.redeem(key=key)

    assert (response.status_code, response.json()["reason"]) == (400, "request_malformed")
    assert Attempt.objects.get().idempotency_key is None
    assert tenant.code().uses == 0


@pytest.mark.parametrize("key", ["!", "k" * 255, '"quoted"', "8e03978e-40d5-43e8-bc93-6894a57f9324"])
def test_a_good_idempotency_key_is_kept_as_it_is(tenant: Tenant, program: Door, key: str):
    assert program.redeem(key=key).status_code == 201
    assert Attempt.objects.get().idempotency_key == key


@pytest.mark.parametrize(
    ("field", "limit"), [("code", 100), ("claimant_id", 100), ("channel", 30), ("venue_id", 100), ("reference", 100)]
)
def test_lengths_are_judged_by_the_engine_not_cut(tenant: Tenant, program: Door, field: str, limit: int):
    body = {"code": "ABC-E6W5F", "claimant_id": "u-1001", field: "7" * (limit + 1)}

    response = program.post(REDEMPTIONS, body)

    assert (response.status_code, response.json()["reason"]) == (400, "field_too_long")


def test_text_that_looks_like_sql_or_a_template_is_text(tenant: Tenant, program: Door):
    odd = "'; DROP TABLE codes_code; -- {{ 7*7 }} $(id) %s %(x)s <script>"

    response = program.redeem(reference=odd)

    assert response.json()["receipt"]["reference"] == odd


def test_a_form_of_a_signed_in_browser_needs_its_token(tenant: Tenant):
    door = signed_in(tenant.claimants["u-1001"])
    del door.headers["X-CSRFToken"]
    fields = b"code=ABC-E6W5F&claimant_id=u-1001"

    without = door.post(REDEMPTIONS, fields, content_type=FORM)
    wrong = door.post(REDEMPTIONS, fields + b"&csrfmiddlewaretoken=" + b"w" * 32, content_type=FORM)
    right = door.post(REDEMPTIONS, fields + b"&csrfmiddlewaretoken=" + TOKEN.encode(), content_type=FORM)

    assert [response.status_code for response in (without, wrong, right)] == [401, 401, 201]
    assert without.json()["reason"] == "unauthenticated"
    assert json.loads(right.content)["status"] == "redeemed"
