"""The bench runs, says a ratio for each figure, and finds the books right. How fast it was is nobody's business here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import load
from bench.figures import FIGURES, NAMES, Reading, Row
from deploy.local.places import ROOT
from deploy.local.processes import tethered

# A million codes say no more here than the hundred thousand before them.
QUICK = [
    *(name for name in NAMES if name != "issue1m"),
    *("--issued", "20000", "--advices", "2000", "--finished", "3000", "--households", "10", "--calls", "160"),
]


@pytest.mark.races
def test_the_bench_prints_a_ratio_for_each_figure(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"

    ran = subprocess.run(
        tethered(
            [
                *(sys.executable, "-m", "bench", *QUICK),
                *("--rounds", "1", "--seconds", "1", "--rows", "1000", "2000", "--json", str(written)),
            ]
        ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "all there, once each, and the books agree" in ran.stdout
    figures = json.loads(written.read_text())["figures"]
    for figure in FIGURES:
        if figure.name not in QUICK:
            continue
        for row in figure.rows:
            assert row.words in ran.stdout
            assert len(figures[row.key]["rounds"]) == 1
        assert figures[figure.name]["median"] > 0
        assert figures[figure.name]["unit"] == ("MB" if figure.name in ("memory", "drainmemory") else "ratio")


@pytest.mark.parametrize(
    "wrong", [["nonsense"], ["--rounds", "0"], ["--seconds", "x"], ["--codes", "0"], ["--rows", "1", "0"]]
)
def test_what_cannot_be_measured_is_refused_in_words(wrong: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-m", "bench", *wrong], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert wrong[-1] in ran.stderr
    assert "Traceback" not in ran.stderr


def test_every_figure_has_a_row_of_its_own_name() -> None:
    keys = [row.key for figure in FIGURES for row in figure.rows]

    assert len(keys) == len(set(keys))
    assert set(NAMES) <= set(keys)


def test_a_ratio_must_reach_its_mark_and_a_time_must_stay_within() -> None:
    assert Reading(ours=30, floor=100).value == 0.3
    assert Row("a", "", mark=0.3).reached(0.3) is True
    assert Row("a", "", mark=0.3).reached(0.29) is False
    assert Row("a", "", unit="ms", mark=3).reached(3.1) is False
    assert Row("a", "").reached(1) is None


def test_a_built_report_is_what_a_till_sends() -> None:
    (report,) = load.build_reports("127.0.0.1", 8000, "/v3/redemptionAdvice", "rk.secret", ["CODE-1"])

    head, _, body = report.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v3/redemptionAdvice HTTP/1.1\r\n")
    assert b"x-vmob-authorization: rk.secret" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body) == {
        "redemptionText": "CODE-1", "externalVenueId": "921", "externalVenueSystemType": 10, "redemptionType": "NFC",
        "redemptionDate": "2015-01-20T10:21:47Z", "redemptionAdviceTimezoneOffset": "-10:30",
    }  # fmt: skip


def test_a_built_request_is_what_a_careful_client_sends() -> None:
    first, second = load.build("127.0.0.1", 8000, "rk.secret", ["CODE-1", "CODE-2"], claimants=2)

    head, _, body = first.partition(b"\r\n\r\n")
    assert json.loads(body) == {"code": "CODE-1", "claimant_id": "bench-0"}
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Authorization: Bearer rk.secret" in head
    assert first.count(b"Idempotency-Key: ") == 1
    assert first.split(b"Idempotency-Key: ")[1][:36] != second.split(b"Idempotency-Key: ")[1][:36]
