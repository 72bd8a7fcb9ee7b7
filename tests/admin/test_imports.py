"""Importing at the desk: the file is sent, its check is watched, and somebody confirms or discards it."""

import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import AuditRecord
from codes import importing, issuing
from codes.models import Batch, Code, CodeImport, ImportRow, IssueOrder
from tests.admin.desk import World, checked_import, list_of, make_world, page_of, text_of

pytestmark = pytest.mark.django_db

UPLOAD = "/admin/codes/codeimport/upload/"
FILE = b"Code;Max uses;Amount\r\nSPRING-01;2;\r\nSPRING-02;;12,50\r\n=1+1;1;\r\n"


def fields(world: World, content: bytes = FILE, **others: object) -> dict[str, object]:
    return {
        "file": SimpleUploadedFile("spring codes.csv", content, "text/csv"),
        "site": world.site.pk,
        "name": "Spring",
        "action": "credit",
        "asset": "EUR",
        "value": "5.00",
        "uses": 1,
        "uses_per_claimant": 1,
        "cooldown_seconds": 0,
        "time_zone": "Europe/Berlin",
        "once": "9d2f8c4e-94d5-4c1e-9a55-3d0f6d6f4d11",
        **others,
    }


def test_a_file_is_sent_checked_confirmed_and_becomes_a_batch(world: World):
    browser = world.sign_in("operator")

    sent = browser.post(UPLOAD, fields(world))
    source = CodeImport.objects.latest("id")
    assert (sent.status_code, sent["Location"]) == (302, page_of(source))
    waiting = text_of(browser.get(page_of(source)))
    assert "Waiting for a worker to check the file" in waiting
    assert page_of(source, "confirm") not in waiting

    importing.work_import(source)
    page = text_of(browser.get(page_of(source)))
    assert "spring codes.csv" in page
    assert "2 codes worth 22.50 EUR" in page
    assert "columns: code, uses, value, separated by semicolons" in page
    assert "This cannot be read as a code" in page
    assert "SPRING-01" not in page
    asked = text_of(browser.get(page_of(source, "confirm")))
    assert "2 codes worth 22.50 EUR will go into “Spring”. Left out: 1 row." in asked

    confirmed = browser.post(page_of(source, "confirm"))
    order = IssueOrder.objects.get(source=source)
    assert confirmed["Location"] == page_of(order.batch)
    issuing.work_order(order.pk)
    assert Code.objects.filter(batch__name="Spring").count() == 2
    assert AuditRecord.objects.filter(action="import.confirm", actor_id=world.staff["operator"].claimant_id).exists()
    after = text_of(browser.get(page_of(source)))
    assert "Confirmed" in after
    assert page_of(source, "confirm") not in after
    assert page_of(source, "discard") not in after


def test_sent_twice_it_is_one_import(world: World):
    browser = world.sign_in("operator")
    before = CodeImport.objects.count()

    first, second = browser.post(UPLOAD, fields(world)), browser.post(UPLOAD, fields(world))

    assert first["Location"] == second["Location"]
    assert CodeImport.objects.count() == before + 1


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"file": ""}, "Choose a file."),
        ({"content": b""}, "The file is empty."),
        ({"content": b"PK\x03\x04" + bytes(100)}, "workbook of a spreadsheet program"),
        ({"content": b"name;uses\r\nABCD-1;2\r\n"}, "No column is called “code”"),
        ({"name": "Cash"}, "There is a batch of this name already."),
        ({"value": "5.001"}, "EUR has at most 2 decimal places."),
        ({"value": ""}, "A value and its asset come together."),
        ({"action": "add_tags", "asset": "", "value": "", "tags": ""}, "tags"),
        ({"valid_from": "2026-02-02", "valid_until": "2026-02-01"}, "The last day lies before the first."),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_kept(world: World, others: dict, said: str):
    before = CodeImport.objects.count()

    response = world.sign_in("operator").post(UPLOAD, fields(world, **others))

    assert response.status_code == 200
    assert said in text_of(response)
    assert CodeImport.objects.count() == before
    assert not Batch.objects.filter(name="Spring").exists()


def test_a_file_of_33_mebibytes_is_refused_in_a_sentence(world: World):
    before = CodeImport.objects.count()

    response = world.sign_in("operator").post(UPLOAD, fields(world, b"A" * (33 * 1024 * 1024)))

    assert response.status_code == 413
    assert "The file is larger than 32 MiB. Send it in parts." in text_of(response)
    assert CodeImport.objects.count() == before


def test_a_large_file_never_lies_on_a_disk_as_it_came(world: World, settings, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(settings, "FILE_UPLOAD_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda *_, **__: pytest.fail("a file was made"))
    content = b"code\r\n" + b"".join(b"SPRING-%06d\r\n" % number for number in range(300_000))

    response = world.sign_in("operator").post(UPLOAD, fields(world, content))

    assert len(content) > 4_000_000
    assert response.status_code == 302
    assert list(tmp_path.iterdir()) == []


def test_files_sent_to_another_page_or_by_a_stranger_are_dropped(world: World):
    operator = world.sign_in("operator")
    issue = fields(world, b"A" * 100, count=1, format="ours", pattern="")
    response = operator.post(list_of("codes_batch", "issue"), issue)
    assert (response.status_code, dict(response.wsgi_request.FILES)) == (302, {})

    refused = world.sign_in("support").post(UPLOAD, fields(world))
    assert refused.status_code == 403
    from django.test import Client

    assert Client().post(UPLOAD, fields(world)).status_code == 302
    assert CodeImport.objects.filter(file_name="spring codes.csv").count() == 0


def test_more_codes_are_imported_into_a_batch_from_its_page(world: World):
    browser = world.sign_in("operator")
    assert page_of(world.money.batch, "import_more") in text_of(browser.get(page_of(world.money.batch)))
    file = SimpleUploadedFile("more.csv", b"MORE-0001\nMORE-0002\n")

    sent = browser.post(page_of(world.money.batch, "import_more"), {"file": file})

    source = importing.work_import(CodeImport.objects.latest("id"))
    assert sent["Location"] == page_of(source)
    assert "2 codes worth 30.00 EUR will go into “Cash”." in text_of(browser.get(page_of(source, "confirm")))
    order = IssueOrder.objects.get(source=source) if browser.post(page_of(source, "confirm")) else None
    assert issuing.work_order(order.pk).issued == 2


def test_the_progress_is_told_while_the_page_waits(world: World, monkeypatch):
    monkeypatch.setattr("codes.import_checking.CHUNK", 2)
    browser = world.sign_in("support")
    from codes import import_checking, jobs

    world.sign_in("operator").post(UPLOAD, fields(world))
    source = CodeImport.objects.latest("id")
    import_checking.check_chunk(jobs.claim(CodeImport, source.pk))
    told = browser.get(page_of(source, "progress")).json()
    assert (told["text"], told["finished"], 0 < told["percent"] < 100) == ("2 rows checked", False, True)
    assert told["figures"] == ["2", "0", "0", "0"]
    assert re.fullmatch(r"about \d+ s left", told["pace"])

    CodeImport.objects.update(lease_until=None)
    importing.work_import(source)
    told = browser.get(page_of(source, "progress")).json()
    assert (told["percent"], told["pace"]) == (100, "")


def test_the_first_fifty_problems_are_shown_and_all_can_be_downloaded(world: World):
    source = checked_import(world.site, "code\n" + "x\n" * 60)
    browser = world.sign_in("support")

    page = text_of(browser.get(page_of(source)))
    assert page.count("This cannot be read as a code") == 50
    assert "These are the first 50." in page
    assert "There is nothing to import" in page
    response = browser.get(page_of(source, "problems"))
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines[0] == "line,column,reason"
    assert len(lines) == 61
    assert response["Content-Type"].startswith("text/csv")


def test_discarded_it_is_gone_but_for_its_counts(world: World):
    source = world.rows["codes_codeimport"]
    browser = world.sign_in("operator")

    browser.post(page_of(source, "discard"))
    importing.work_import(source)

    page = text_of(browser.get(page_of(source)))
    assert "Discarded: no code came of it" in page
    assert not ImportRow.objects.filter(source=source).exists()
    assert browser.post(page_of(source, "confirm")).status_code == 302
    assert not IssueOrder.objects.filter(source=source).exists()


def test_an_import_with_nothing_good_cannot_be_confirmed(world: World):
    source = checked_import(world.site, "code\nx\n")

    assert world.sign_in("operator").post(page_of(source, "confirm")).status_code == 302
    assert not IssueOrder.objects.filter(source=source).exists()


def test_the_list_is_the_readers_own_and_says_so_when_it_is_empty(world: World):
    other = make_world("elsewhere")

    mine = text_of(world.sign_in("support").get(list_of("codes_codeimport")))
    assert page_of(world.rows["codes_codeimport"]) in mine
    assert page_of(other.rows["codes_codeimport"]) not in mine
    assert "1 of 2" in mine
    empty = make_world("third")
    ImportRow.objects.all().delete()
    CodeImport.objects.filter(site=empty.site).delete()
    assert "There are none yet" in text_of(empty.sign_in("support").get(list_of("codes_codeimport")))


def test_the_list_asks_the_same_questions_however_many_there_are(world: World, django_assert_max_num_queries):
    for number in range(5):
        checked_import(world.site, f"LIST-{number}\n")
    browser = world.sign_in("support")

    with django_assert_max_num_queries(8):
        browser.get(list_of("codes_codeimport"))
