"""Importing codes over HTTP: sent, checked, confirmed, discarded."""

import csv
import io
import json

import pytest

from codes import importing, issuing, working
from codes.models import Batch, Code, CodeImport, ImportRow, IssueOrder
from tests.api.conftest import ALL_SCOPES, Tenant
from tests.api.doors import Door, signed_in, stranger, till
from tests.codes.files import check
from tests.factories import make_asset, make_batch, make_client, make_site

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/imports"
MONEY = {"name": "Spring", "asset": "EUR", "value": "5.00"}
FILE = "code;uses\r\nSPRING-01;2\r\nSPRING-02;\r\nx;1\r\nspring 01;1\r\nABC-E6W5F;1\r\n"
MULTIPART = "multipart/form-data; boundary=xYzZY"


def form(**parts: object) -> bytes:
    """A multipart body; bytes are a file, the rest JSON or text."""
    body = b""
    for name, content in parts.items():
        head = f'--xYzZY\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(content, bytes):
            head += '; filename="codes.csv"\r\nContent-Type: text/csv'
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        body += head.encode() + b"\r\n\r\n" + (text if isinstance(text, bytes) else text.encode()) + b"\r\n"
    return body + b"--xYzZY--\r\n"


def send(door: Door, file: str | bytes = FILE, key: str | None = None, **parts: object):
    content = file.encode() if isinstance(file, str) else file
    headers = {"Idempotency-Key": key} if key is not None else None
    parts = parts or {"batch": MONEY}
    return door.post(IMPORTS, form(file=content, **parts), content_type=MULTIPART, headers=headers)


def checked(door: Door, **options: object) -> str:
    """The address of an import whose file is checked."""
    response = send(door, **options)
    assert response.status_code == 202, response.content
    importing.work_import(CodeImport.objects.get(pk=response.json()["id"]))
    return response.headers["Location"]


def errors(response) -> dict[str, str]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_a_file_is_checked_confirmed_and_its_good_rows_are_codes(tenant: Tenant, program: Door):
    response = send(program)

    source = CodeImport.objects.get()
    assert response.status_code == 202
    assert response.headers["Location"] == f"{IMPORTS}/{source.pk}"
    assert response.json() == {
        "id": source.pk,
        "state": "queued",
        "size": len(FILE),
        "created_at": f"{source.created_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    address = response.headers["Location"]
    assert (program.get(address).json()["state"], program.get(address).json()["rows"]) == ("queued", 0)

    importing.work_import(source)
    found = program.get(address).json()
    assert found["state"] == "done"
    assert [found[name] for name in ("rows", "good", "bad", "known", "repeated")] == [5, 2, 1, 1, 1]
    assert (found["read"], found["size"], found["file_name"]) == (len(FILE), len(FILE), "codes.csv")
    layout = {"encoding": "utf-8", "separator": ";", "heading": True, "columns": ["code", "uses"]}
    assert found["layout"] == layout
    assert (found["batch_id"], found["order_id"], found["confirmed_at"]) == (None, None, None)

    confirmed = program.post(f"{address}/confirmation")
    order = IssueOrder.objects.get(source=source)
    assert (confirmed.status_code, confirmed.headers["Location"]) == (202, f"/api/v1/batches/{order.batch_id}")
    assert confirmed.json() == {"import_id": source.pk, "batch_id": order.batch_id, "order_id": order.pk}
    issuing.work_order(order.pk)
    batch = program.get(confirmed.headers["Location"]).json()
    assert (batch["name"], batch["state"], batch["codes"]["active"]) == ("Spring", "active", 2)
    assert batch["value"][0]["issued"] == "15.00"
    assert program.get(address).json()["order_id"] == order.pk


def test_problems_come_as_a_file_that_is_safe_to_open(tenant: Tenant, program: Door):
    address = checked(program, file='code\n=cmd|x\n@SUM(1)\n+49\n"\tx"\nGOOD-1\n')

    response = program.get(f"{address}/problems")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert rows[0] == ["line", "column", "reason"]
    assert [row[:2] for row in rows[1:]] == [["2", "code"], ["3", "code"], ["4", "code"], ["5", "code"]]
    assert not any(cell[:1] in tuple("=+-@\t\r") for row in rows for cell in row)
    assert "cmd" not in str(rows)


def test_many_problems_are_read_in_pages(tenant: Tenant, program: Door, monkeypatch):
    monkeypatch.setattr("codes.import_problems.PAGE", 7)
    address = checked(program, file="code\n" + "x\n" * 40)

    lines = b"".join(program.get(f"{address}/problems").streaming_content).decode().splitlines()

    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(2, 42))


def test_into_a_batch_that_exists(tenant: Tenant, program: Door):
    batch = make_batch(tenant.site, count=1)

    address = checked(program, batch_id=str(batch.pk))
    order = program.post(f"{address}/confirmation", {}).json()

    assert order["batch_id"] == batch.pk
    assert program.get(address).json()["batch_id"] == batch.pk
    assert issuing.work_order(order["order_id"]).issued == 2


def test_the_same_key_is_one_import_and_hears_the_same_answer(tenant: Tenant, program: Door):
    first = send(program, key="i1")
    importing.work_import(CodeImport.objects.get())
    second = send(program, key="i1")

    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert CodeImport.objects.count() == 1
    assert send(program, key="i1", file=FILE + "NEW-1;1\r\n").json()["code"] == "idempotency_mismatch"


def test_confirming_again_says_the_same_and_the_file_again_has_nothing_to_import(tenant: Tenant, program: Door):
    address = checked(program)
    first = program.post(f"{address}/confirmation")
    issuing.work_order(first.json()["order_id"])

    assert program.post(f"{address}/confirmation").content == first.content
    again = checked(program, batch={**MONEY, "name": "Again"})
    refused = program.post(f"{again}/confirmation")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_importable")
    assert "nothing to import" in refused.json()["detail"]
    assert Code.objects.filter(batch__name="Spring").count() == 2
    assert not Batch.objects.filter(name="Again").exists()


def test_what_is_not_checked_yet_cannot_be_confirmed(tenant: Tenant, program: Door):
    refused = program.post(f"{send(program).headers['Location']}/confirmation")

    assert (refused.status_code, refused.json()["code"]) == (409, "not_importable")
    assert not IssueOrder.objects.exclude(source=None).exists()


def test_a_name_taken_meanwhile_is_named(tenant: Tenant, program: Door):
    address = checked(program)
    make_batch(tenant.site, count=1, name="Spring")

    assert set(errors(program.post(f"{address}/confirmation"))) == {"batch.name"}


def test_discarded_it_leaves_its_counts_and_is_not_confirmed_any_more(tenant: Tenant, program: Door):
    address = checked(program)

    response = program.send("DELETE", address)
    assert (response.status_code, response.json()["state"]) == (202, "cancelling")
    working.work_due(seconds=60)

    assert (program.get(address).json()["state"], program.get(address).json()["good"]) == ("cancelled", 2)
    assert not ImportRow.objects.exists()
    assert program.send("DELETE", address).status_code == 202
    assert program.post(f"{address}/confirmation").json()["code"] == "not_importable"


def test_once_confirmed_it_is_too_late_to_discard(tenant: Tenant, program: Door):
    address = checked(program)
    program.post(f"{address}/confirmation")

    response = program.send("DELETE", address)

    assert (response.status_code, response.json()["code"]) == (409, "already_confirmed")


BAD = {
    "no file": ({"batch": MONEY}, "file"),
    "a file as a field": ({"file": "code\r\nABCD", "batch": MONEY}, "file"),
    "no batch": ({"file": b"ABCD-1"}, "batch"),
    "two batches": ({"file": b"ABCD-1", "batch": MONEY, "batch_id": "1"}, "batch"),
    "an unknown part": ({"file": b"ABCD-1", "batch": MONEY, "site": "2"}, "site"),
    "a batch that is a list": ({"file": b"ABCD-1", "batch": [1]}, "batch"),
    "a count": ({"file": b"ABCD-1", "batch": {**MONEY, "count": 3}}, "batch.count"),
    "a format": ({"file": b"ABCD-1", "batch": {**MONEY, "format": "hex"}}, "batch.format"),
    "no name": ({"file": b"ABCD-1", "batch": {"asset": "EUR", "value": "5.00"}}, "batch.name"),
    "an unknown asset": ({"file": b"ABCD-1", "batch": {**MONEY, "asset": "XXX"}}, "batch.asset"),
    "an end before the start": (
        {"file": b"ABCD-1", "batch": {**MONEY, "first_day": "2026-02-02", "last_day": "2026-02-01"}},
        "batch.last_day",
    ),
    "an unknown batch": ({"file": b"ABCD-1", "batch_id": "999999"}, "batch_id"),
    "no number": ({"file": b"ABCD-1", "batch_id": "+1"}, "batch_id"),
    "a huge number": ({"file": b"ABCD-1", "batch_id": "9" * 30}, "batch_id"),
    "an empty file": ({"file": b"", "batch": MONEY}, "file"),
    "no column of codes": ({"file": b"name,uses\r\nABCD-1,2", "batch": MONEY}, "file"),
    "a workbook": ({"file": b"PK\x03\x04" + bytes(99), "batch": MONEY}, "file"),
}


@pytest.mark.parametrize(("parts", "field"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_named_and_leaves_nothing(tenant: Tenant, program: Door, parts: dict, field: str):
    response = program.post(IMPORTS, form(**parts), content_type=MULTIPART)

    assert field in errors(response)
    assert not CodeImport.objects.exists()


MALFORMED = {
    "no boundary": (form(file=b"ABCD-1", batch=MONEY), "multipart/form-data"),
    "another boundary": (form(file=b"ABCD-1", batch=MONEY), "multipart/form-data; boundary=other"),
    "cut short": (form(file=b"ABCD-1", batch=MONEY)[:-20], MULTIPART),
    "nothing": (b"", MULTIPART),
    "a part twice": (form(file=b"ABCD-1")[: -len(b"--xYzZY--\r\n")] + form(file=b"ABCD-2", batch=MONEY), MULTIPART),
    "no JSON": (form(file=b"ABCD-1", batch="{name: Spring}"), MULTIPART),
    "a name twice": (form(file=b"ABCD-1", batch='{"name": "a", "name": "b"}'), MULTIPART),
    "encoded": (
        form(file=b"ABCD-1", batch=MONEY).replace(b"text/csv", b"text/csv\r\nContent-Transfer-Encoding: base64"),
        MULTIPART,
    ),
}


@pytest.mark.parametrize(("body", "kind"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_form_that_cannot_be_read(tenant: Tenant, program: Door, body: bytes, kind: str):
    response = program.post(IMPORTS, body, content_type=kind)

    assert (response.status_code, response.json()["code"]) == (400, "request_malformed")
    assert not CodeImport.objects.exists()


def test_another_media_type_is_not_taken(tenant: Tenant, program: Door):
    assert program.post(IMPORTS, {"batch": MONEY}).status_code == 415
    assert program.post(IMPORTS, FILE.encode(), content_type="text/csv").status_code == 415
    squeezed = {"Content-Encoding": "gzip"}
    assert program.post(IMPORTS, form(file=b"A"), content_type=MULTIPART, headers=squeezed).status_code == 415


def test_a_file_of_a_few_mebibytes_is_taken_and_one_of_33_is_not(tenant: Tenant, program: Door):
    mebibyte = 1024 * 1024
    taken = send(program, b"code\r\n" + (b"A" * 5_000 + b"\r\n") * 600)
    refused = send(program, b"code\r\n" + b"A" * (33 * mebibyte))

    assert taken.status_code == 202
    assert taken.json()["size"] > 2 * mebibyte
    assert (refused.status_code, refused.json()["code"]) == (413, "request_too_large")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert CodeImport.objects.count() == 1


def test_a_body_that_says_it_is_too_large_is_not_read(tenant: Tenant, program: Door):
    response = program.browser.generic(
        "POST",
        IMPORTS,
        b"",
        headers=program.headers,
        HTTP_HOST=program.host,
        CONTENT_TYPE=MULTIPART,
        CONTENT_LENGTH=str(40 * 1024 * 1024),
    )

    assert response.status_code == 413


class TestWhoMay:
    ROUTES = (("GET", "/{}"), ("DELETE", "/{}"), ("GET", "/{}/problems"), ("POST", "/{}/confirmation"))

    @pytest.fixture
    def source(self, tenant: Tenant) -> CodeImport:
        make_asset()
        return check(tenant.site, "ABCD-1\nx\n")

    def ask(self, door: Door, source: CodeImport) -> list[int]:
        first = door.post(IMPORTS, form(file=b"A", batch=MONEY), content_type=MULTIPART)
        others = [door.send(method, IMPORTS + route.format(source.pk)) for method, route in self.ROUTES]
        return [response.status_code for response in (first, *others)]

    def test_only_keys_with_the_scope_issue(self, tenant: Tenant, source: CodeImport):
        others = [scope for scope in ALL_SCOPES if scope != "issue"]

        assert self.ask(stranger(), source) == [401] * 5
        assert self.ask(till(make_client(tenant.site, others).key), source) == [403] * 5
        assert self.ask(signed_in(tenant.claimants["u-1001"]), source) == [403] * 5

    def test_another_sites_import_does_not_exist(self, tenant: Tenant, source: CodeImport):
        elsewhere = till(make_client(make_site(), ALL_SCOPES).key)

        assert self.ask(elsewhere, source)[1:] == [404] * 4
        source.refresh_from_db()
        assert (source.state, source.confirmed_at) == ("done", None)

    def test_another_sites_batch_takes_no_file(self, tenant: Tenant, program: Door):
        batch = make_batch(make_site(), count=1)

        assert errors(send(program, batch_id=str(batch.pk)))["batch_id"] == "There is no such batch."


def test_reading_one_asks_the_same_few_questions_however_long_the_file_was(
    tenant: Tenant, program: Door, django_assert_num_queries
):
    addresses = [checked(program, file="x\n" * rows, batch={**MONEY, "name": str(rows)}) for rows in (1, 500)]
    program.get(addresses[0])

    for address in addresses:
        with django_assert_num_queries(1):
            program.get(address)
