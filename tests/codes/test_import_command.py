"""manage.py import_codes: the command's door to importing."""

import csv
import re

import pytest
from django.core.management import CommandError, call_command

from codes import import_checking, lookup
from codes.models import Batch, Code, CodeImport, ImportRow
from tests.codes.redeeming import spread
from tests.factories import make_asset, make_batch, make_code, make_site

pytestmark = pytest.mark.django_db

MONEY = ("--value", "5", "--asset", "EUR")
FILE = "Code;Max uses\r\nSPRING-01;2\r\nSPRING-02;\r\n=1+1;1\r\nspring 01;1\r\nOLD-0001;1\r\n"


@pytest.fixture
def site():
    make_asset()
    return make_site(slug="shop")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "codes.csv"
    path.write_bytes(FILE.encode("cp1252"))
    return path


def run(capsys, file, *words):
    call_command("import_codes", str(file), "--site", "shop", "--name", "Spring", *words)
    return capsys.readouterr()


def test_it_checks_imports_and_says_so(site, file, capsys):
    make_code(site, "OLD-0001")

    said = run(capsys, file, "--yes", *MONEY).out

    batch = Batch.objects.get(name="Spring")
    assert said.splitlines()[:5] == [
        "UTF-8; columns: code, uses, separated by semicolons",
        "           2  good",
        "           1  cannot be used",
        "           1  known to the site",
        "           1  twice in the file",
    ]
    assert "  line 4: This cannot be read as a code" in said
    assert said.splitlines()[-1] == f"Batch {batch.pk}: 2 codes imported."
    assert [lookup.shown(code) for code in batch.codes.order_by("serial")] == ["SPRING-01", "SPRING-02"]
    assert spread(batch) == (1_500, 1_500, 0, 0, 0)


def test_it_shows_a_bar_that_fills_for_the_check_and_for_the_import(site, file, capsys, monkeypatch):
    monkeypatch.setattr(import_checking, "CHUNK", 1)

    said = run(capsys, file, "--yes", *MONEY).err

    bars = [(len(full), int(done), int(of)) for full, done, of in re.findall(r"\[(█*)░*\] +(\d+) of (\d+)", said)]
    check, order = bars[:-1], bars[-1]
    assert [done for _, done, _ in check] == sorted(done for _, done, _ in check)
    assert check[-1] == (40, len(FILE), len(FILE))
    assert order == (40, 3, 3)


def test_check_only_leaves_nothing(site, file, capsys):
    said = run(capsys, file, "--check-only", *MONEY)

    assert said.out.splitlines()[-1] == "Nothing was imported."
    assert CodeImport.objects.get().state == "cancelled"
    assert not ImportRow.objects.exists()
    assert not Code.objects.exists()
    assert not Batch.objects.exists()


def test_problems_are_written_to_a_file(site, file, capsys, tmp_path):
    run(capsys, file, "--check-only", "--problems", str(tmp_path / "wrong.csv"), *MONEY)

    with (tmp_path / "wrong.csv").open(newline="") as written:
        rows = list(csv.reader(written))
    assert [row[:2] for row in rows] == [["line", "column"], ["4", "code"], ["5", "code"]]


def test_without_a_yes_and_without_anybody_to_ask_nothing_is_imported(site, file, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)

    with pytest.raises(CommandError, match="--yes"):
        run(capsys, file, *MONEY)
    assert not Code.objects.exists()


@pytest.mark.parametrize(("answer", "codes"), [("y", 3), ("yes", 3), ("n", 0), ("", 0)])
def test_it_asks(site, file, capsys, monkeypatch, answer, codes):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: answer)

    run(capsys, file, *MONEY)

    assert Code.objects.count() == codes


def test_more_codes_join_a_batch(site, file, capsys):
    batch = make_batch(site, count=1, name="Spring")

    run(capsys, file, "--yes", "--more")

    assert batch.codes.count() == 4


def test_the_same_file_again_changes_nothing(site, file, capsys):
    run(capsys, file, "--yes", *MONEY)

    with pytest.raises(CommandError, match="nothing to import"):
        call_command("import_codes", str(file), "--site", "shop", "--name", "Again", "--yes", *MONEY)
    assert Code.objects.count() == 3
    assert not Batch.objects.filter(name="Again").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--site", "nowhere"), "There is no site 'nowhere'."),
        (("--more",), "There is no batch 'Spring'."),
        (("--value", "5"), "name|value"),
        (("--asset", "XXX"), "asset"),
        (("--value", "0.001", "--asset", "EUR"), "decimal places"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(site, file, capsys, words, said):
    with pytest.raises(CommandError, match=said):
        run(capsys, file, "--yes", *words)
    assert not Batch.objects.exists()
    assert not CodeImport.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "The file is empty"),
        (b"name,uses\nABCD,1\n", "No column is called"),
        (b"A" * (32 * 1024 * 1024 + 1), "larger than 32 MiB"),
    ],
    ids=["no file", "empty", "no codes", "too large"],
)
def test_a_file_that_is_none_of_codes(site, tmp_path, capsys, content, said):
    path = tmp_path / "other.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=said):
        run(capsys, path, "--yes", *MONEY)
    assert not CodeImport.objects.exists()
