"""An import in the words of the desk."""

from typing import Any

from accounts import clock
from codes import jobs
from codes.admin.words import lasting
from codes.import_checking import defaults_of
from codes.models import CodeImport
from ledger.admin.money import money

State = CodeImport.State
WAITING, CONFIRMED = "Checked", "Confirmed"


def state_said(row: CodeImport) -> str:
    """A check that is done waits for somebody, until it is confirmed."""
    said = {State.QUEUED: "Waiting", State.RUNNING: "Being checked", State.CANCELLING: "Being discarded"}
    said |= {State.DONE: CONFIRMED if row.confirmed_at else WAITING, State.CANCELLED: "Discarded"}
    return said.get(State(row.state), row.get_state_display())


def progress_of(row: CodeImport) -> dict[str, Any]:
    """The check's progress for the bar: whole percent, and 100 only when it is done."""
    percent = row.read * 100 // row.size if row.size else 0
    text = f"{row.rows:,} rows checked"
    if row.state == State.QUEUED and not row.rows:
        text = "Waiting for a worker to check the file"
    elif row.state == State.CANCELLING:
        text = "Being discarded"
    elif row.state == State.CANCELLED:
        text = "Discarded: no code came of it"
    elif row.state == State.FAILED:
        text = f"Failed after {row.rows:,} rows: {row.error}"
    return {
        "percent": percent if row.state == State.DONE else min(percent, 99),
        "text": text,
        "pace": pace_words(row),
        "figures": [count for _, count, _ in counts_of(row)],
        "finished": row.ended,
        "state": str(row.state),
    }


def pace_words(row: CodeImport) -> str:
    """How long the check still takes, and nothing where that is not known; its pace is that of the bytes it has read."""
    _, seconds_left = jobs.pace(row, clock.read()) if row.state == State.RUNNING else (0, None)
    return f"{lasting(seconds_left)} left" if seconds_left is not None else ""


def counts_of(row: CodeImport) -> list[tuple[str, str, bool]]:
    """(words, count, whether it is a bad sign)."""
    return [
        ("Good", f"{row.good:,}", False),
        ("Cannot be used", f"{row.bad:,}", row.bad > 0),
        ("Known to the site", f"{row.known:,}", False),
        ("Twice in the file", f"{row.repeated:,}", False),
    ]


def counted(number: int, noun: str) -> str:
    """As in “1 code” and “1,200 codes”."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def worth_said(row: CodeImport) -> str:
    """As in “ worth 1,250.00 EUR”; nothing where the codes have no value."""
    asset = defaults_of(row).asset if row.worth else None
    return f" worth {money(asset, row.worth)}" if asset else ""
