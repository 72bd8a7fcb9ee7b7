"""An import in the words of the desk."""

from typing import Any

from codes.import_checking import defaults_of
from codes.models import CodeImport
from ledger.admin.money import money

State = CodeImport.State
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
ENCODINGS = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
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
        "finished": row.ended,
        "state": str(row.state),
    }


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


def layout_said(row: CodeImport) -> str:
    """How the file was understood, for whoever wonders why a column was not read."""
    layout = row.layout
    columns = [name or "(not read)" for name in layout.get("columns", [])]
    encoding = ENCODINGS.get(layout.get("encoding", ""), "")
    if not layout.get("heading"):
        return f"{encoding}; no heading, so line {layout.get('line', 1)} is the first code"
    separated = f", separated by {SEPARATORS.get(layout['separator'], '')}" if len(columns) > 1 else ""
    return f"{encoding}; columns: {', '.join(columns)}{separated}"


def worth_said(row: CodeImport) -> str:
    """As in “ worth 1,250.00 EUR”; nothing where the codes have no value."""
    asset = defaults_of(row).asset if row.worth else None
    return f" worth {money(asset, row.worth)}" if asset else ""
