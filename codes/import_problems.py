"""What was wrong with the rows of an imported file, as another file: line, column and reason, and never what stood there."""

import csv
import io
from collections.abc import Iterator, Sequence

from codes.models import CodeImport, ImportRow

PAGE = 2_000
HEADING = ("line", "column", "reason")


def problems(source: CodeImport, after: int = 0, most: int = PAGE) -> list[ImportRow]:
    """The next rows that are not imported, in the order of the file."""
    rows = ImportRow.objects.filter(source=source, line__gt=after).exclude(problem="")
    return list(rows.only("line", "column", "problem", "source").order_by("line")[:most])


def as_csv(source: CodeImport) -> Iterator[str]:
    """The whole file in parts, each read by a short query of its own. No cell can be taken for a formula: all words are ours."""
    yield written([HEADING])
    after = 0
    while page := problems(source, after):
        yield written([(row.line, row.column, row.problem) for row in page])
        after = page[-1].line


def written(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
