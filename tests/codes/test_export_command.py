"""manage.py export_codes: into a file of its owner alone, resumed behind the last whole row."""

import stat

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.models import AuditRecord
from codes import exporting
from codes.exporting import ExportCodes, export_codes
from tests.factories import make_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch():
    return make_batch(count=9)


def export(batch, path, *words):
    call_command("export_codes", "--batch", str(batch.pk), "--out", str(path), "--reason", "backup", *words)
    return path.read_bytes()


def whole(batch, format):
    return b"".join(export_codes(ExportCodes(batch, format, actor_id="x", reason="x", door="x")))


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_it_writes_what_every_door_would(batch, tmp_path, capsys, format):
    written = export(batch, tmp_path / "codes", "--format", format)

    assert written == whole(batch, format)
    assert capsys.readouterr().out == "9 codes exported.\n"
    assert stat.S_IMODE((tmp_path / "codes").stat().st_mode) == 0o600
    assert AuditRecord.objects.filter(action="batch.export", detail__door="command").exists()


@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("kept", [0, 5, 100, 101, 150, 300, 400])
def test_it_goes_on_behind_the_last_whole_row_wherever_it_was_cut(batch, tmp_path, format, kept):
    expected, path = whole(batch, format), tmp_path / "codes"
    path.write_bytes(expected[:kept])

    assert export(batch, path, "--format", format, "--resume") == expected
    assert export(batch, path, "--format", format, "--resume") == expected, "Whole already."


def test_a_failure_leaves_a_file_that_can_be_gone_on_with(batch, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 4)
    reading = exporting.Export.read

    def fail(self, first, last):
        if first > 4:
            raise OperationalError("the server is gone")
        return reading(self, first, last)

    monkeypatch.setattr(exporting.Export, "read", fail)
    with pytest.raises(CommandError, match="Broken off after 4 codes"):
        export(batch, tmp_path / "codes")
    monkeypatch.setattr(exporting.Export, "read", reading)

    assert export(batch, tmp_path / "codes", "--resume") == whole(batch, "csv")


def test_a_file_that_is_there_is_never_written_over(batch, tmp_path):
    (tmp_path / "codes").write_text("precious")

    with pytest.raises(CommandError, match="exists"):
        export(batch, tmp_path / "codes")
    with pytest.raises(CommandError, match="no export of this format"):
        export(batch, tmp_path / "codes", "--resume")
    assert (tmp_path / "codes").read_text() == "precious"


@pytest.mark.parametrize("words", [("--from-serial", "0"), ("--from-serial", "3", "--to-serial", "2")])
def test_a_mistake_is_told(batch, tmp_path, words):
    with pytest.raises(CommandError, match="serial"):
        export(batch, tmp_path / "codes", *words)


def test_an_unknown_batch_and_a_folder_that_is_not_there(batch, tmp_path):
    with pytest.raises(CommandError, match="no batch"):
        call_command("export_codes", "--batch", "0", "--out", str(tmp_path / "x"), "--reason", "x")
    with pytest.raises(CommandError, match="cannot be written"):
        export(batch, tmp_path / "nowhere" / "codes")
