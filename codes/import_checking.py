"""Checking a file of codes: the job that judges its rows, a few thousand at a time, and leaves each sealed or with its problem.

Nothing becomes a code here. Killed anywhere, it goes on with the first row that was not judged.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from accounts import clock, digests, rows
from accounts.models import User
from codes import import_columns, jobs, keys
from codes.import_columns import Defaults, Unreadable
from codes.import_reading import Layout, Row, read_rows, split_lines
from codes.models import Code, CodeImport, ImportPiece, ImportRow, Terms
from codes.terms import LARGEST_TOTAL, instants
from ledger.models import Asset

State = CodeImport.State
CHUNK = 5_000
PIECE = 1 << 18  # Bytes of the file in one sealed piece, and looked at in one step unless a row is longer.

FIELDS = "This line has {found} fields where {expected} were expected."
NO_CLAIMANT = "No claimant of this site has this ID."
TOO_MUCH = "With this row all codes together would be worth more than can be booked."
KNOWN = "The site has this code already."
REPEATED = "The same code stands in line {line} already; O and 0 count as equal, and I, L and 1."

ROW_COLUMNS = (
    ("source_id", "bigint"), ("line", "bigint"), ("problem", "text"), ("column", "text"), ("digest", "bytea"),
    ("lookup_odd", "bytea"), ("lookup_even", "bytea"), ("key_version", "smallint"), ("sealed", "bytea"), ("uses", "integer"),
    ("value", "bigint"), ("valid_from", "timestamptz"), ("valid_until", "timestamptz"), ("owner_id", "bigint"),
)  # fmt: skip


@dataclass(slots=True)
class Judged:
    """A row as it is judged; ``text`` is what the code is shown as. ``outcome`` names the count that it goes into."""

    line: int
    outcome: str = "good"
    problem: str = ""
    column: str = ""
    text: str = ""
    form: str = ""
    digest: bytes = b""
    lookups: tuple[bytes | None, bytes | None] = (None, None)
    sealed: tuple[int, bytes] = (0, b"")
    uses: int | None = None
    value: int | None = None
    valid_from: dt.datetime | None = None
    valid_until: dt.datetime | None = None
    owner: str = ""

    def refuse(self, column: str, problem: str, outcome: str = "bad") -> None:
        self.outcome, self.column, self.problem = outcome, column, problem


def step(source: CodeImport) -> CodeImport:
    """One chunk of a claimed import."""
    return discard_chunk(source) if source.state == State.CANCELLING else check_chunk(source)


def check_chunk(claimed: CodeImport) -> CodeImport:
    """Judge the next rows of the file, or end the check when there are none; one transaction.

    What a row says by itself is judged before it, with nothing locked: the claim alone may write what comes of it.
    """
    seen = CodeImport.objects.get(pk=claimed.pk)
    layout, defaults = Layout.of_json(seen.layout), defaults_of(seen)
    begun = seen.read
    judged = [judge(row, layout, defaults) for row in next_rows(seen, layout)]
    seal(seen.site_id, judged)
    with transaction.atomic(durable=True):
        source = jobs.lock(claimed)
        if source.read != begun:
            raise jobs.Overtaken
        source.read, source.line = seen.read, seen.line
        now = clock.read()
        rows.add(ImportRow._meta.db_table, ROW_COLUMNS, judge_together(source, judged, defaults))
        ImportPiece.objects.filter(source=source, number__lt=source.read // PIECE).delete()
        jobs.renew(source, now)
        if source.read >= source.size:
            ImportPiece.objects.filter(source=source).delete()
            jobs.finish(source, now)
        source.save()
    return source


def next_rows(source: CodeImport, layout: Layout) -> list[Row]:
    """The next rows of the file, read from its pieces; moves ``read`` and ``line`` behind the last of them."""
    length = PIECE
    while True:
        window = load(source, length)
        final = source.read + len(window) >= source.size
        lines = split_lines(window, layout.encoding, final=final)
        found, used = [], 0
        for row, count in read_rows(lines, layout, source.line + 1, final=final):
            used += count
            if row:
                found.append(row)
            if len(found) == CHUNK:
                break
        if used or final:
            break
        length *= 2  # One line is longer than the window.
    if used < len(lines) or not final:
        source.read += sum(len(line.encode(layout.encoding)) for line in lines[:used])
    else:
        source.read = source.size
    source.line += used
    return found


def load(source: CodeImport, length: int) -> bytes:
    """``length`` bytes of the file from ``read`` on, fewer at its end. Raises Overtaken if it is gone."""
    first, last = source.read // PIECE, min((source.read + length - 1) // PIECE, source.pieces - 1)
    wanted = ImportPiece.objects.filter(source=source, number__gte=first, number__lte=last)
    pieces = list(wanted.order_by("number"))
    if len(pieces) != last - first + 1:
        raise jobs.Overtaken
    data = b"".join(keys.unseal_bytes(source.site_id, piece.key_version, piece.sealed) for piece in pieces)
    start = source.read - first * PIECE
    return data[start : start + length]


def defaults_of(source: CodeImport) -> Defaults:
    """What a row that says nothing of its own means: the terms that the batch will have, or those it has."""
    asked = source.ordered
    if source.batch_id:
        terms = Terms.objects.select_related("asset").get(pk=asked["terms"])
        return Defaults(terms.asset, terms.value, terms.uses, terms.valid_from, terms.valid_until, terms.time_zone)
    days = [dt.date.fromisoformat(asked[name]) if asked[name] else None for name in ("valid_from", "valid_until")]
    zone = asked["time_zone"]
    asset = Asset.objects.filter(code=asked["asset_code"]).first()
    return Defaults(asset, asked["value"], asked["uses"], *instants(days[0], days[1], zone), zone)


def judge(row: Row, layout: Layout, defaults: Defaults) -> Judged:
    """What can be said of a row by itself; the first problem counts."""
    judged = Judged(row.line)
    if row.problem:
        judged.refuse("", row.problem)
        return judged
    if len(row.cells) != len(layout.columns):
        judged.refuse("", FIELDS.format(found=len(row.cells), expected=len(layout.columns)))
        return judged
    cells = {name: cell.strip() for name, cell in zip(layout.columns, row.cells, strict=True) if name}
    column = "code"
    try:
        judged.text, judged.form = import_columns.read_code(cells["code"])
        if cells.get(column := "uses"):
            judged.uses = import_columns.read_uses(cells[column])
        if cells.get(column := "value"):
            judged.value = import_columns.read_value(cells[column], defaults.asset)
        if cells.get(column := "valid_from"):
            judged.valid_from = import_columns.read_moment(cells[column], defaults.time_zone, end=False)
        if cells.get(column := "valid_until"):
            judged.valid_until = import_columns.read_moment(cells[column], defaults.time_zone, end=True)
        refuse_empty_validity(judged, defaults)
        if cells.get(column := "owner"):
            judged.owner = import_columns.read_owner(cells[column])
    except Unreadable as error:
        judged.refuse("valid_until" if str(error) == import_columns.EMPTY_VALIDITY else column, str(error))
    return judged


def refuse_empty_validity(judged: Judged, defaults: Defaults) -> None:
    begins, ends = judged.valid_from or defaults.valid_from, judged.valid_until or defaults.valid_until
    if begins and ends and ends <= begins:
        raise Unreadable(import_columns.EMPTY_VALIDITY)


def seal(site_id: int, judged: list[Judged]) -> None:
    """What finds and shows each code that could be one."""
    for each in judged:
        if not each.problem:
            each.digest = digests.keyed("import row", each.form)
            each.lookups = keys.lookup_columns(site_id, each.form)
            each.sealed = keys.seal(site_id, each.text)


def judge_together(source: CodeImport, judged: list[Judged], defaults: Defaults) -> list[tuple[Any, ...]]:
    """What only the site and the rest of the file can tell; answers the rows to be stored, and counts them.

    A fixed number of statements, however many rows: claimants, earlier rows of the file, codes of the site.
    """
    good = [each for each in judged if not each.problem]
    owners = claimants(source.site_id, {each.owner for each in good if each.owner})
    for each in good:
        if each.owner and each.owner not in owners:
            each.refuse("owner", NO_CLAIMANT)
    good = [each for each in good if not each.problem]
    known = known_lookups(source.site_id, [each.lookups for each in good])
    first_lines = earlier_lines(source, [each.digest for each in good])
    for each in good:
        worth = (each.value or defaults.value) * (each.uses or defaults.uses)
        if line := first_lines.get(each.digest):
            each.refuse("code", REPEATED.format(line=line), "repeated")
        elif not known.isdisjoint(each.lookups):
            each.refuse("code", KNOWN, "known")
        elif source.worth + worth > LARGEST_TOTAL:
            each.refuse("value", TOO_MUCH)
        else:
            source.worth += worth
        first_lines.setdefault(each.digest, each.line)
    stored: list[tuple[Any, ...]] = []
    for each in judged:
        source.rows += 1
        setattr(source, each.outcome, getattr(source, each.outcome) + 1)
        if each.problem:
            # A repeat of a code that the site has is told as a repeat, so the first row keeps its digest.
            digest = each.digest if each.outcome == "known" else None
            stored.append((source.pk, each.line, each.problem, each.column, digest, *[None] * 9))
            continue
        stored.append(
            (
                source.pk, each.line, "", "", each.digest, *each.lookups, *each.sealed, each.uses, each.value,
                each.valid_from, each.valid_until, owners.get(each.owner),
            )
        )  # fmt: skip
    return stored


def claimants(site_id: int, wanted: set[str]) -> dict[str, int]:
    """The site's users with these claimant IDs, by ID."""
    if not wanted:
        return {}
    return dict(User.objects.filter(site_id=site_id, claimant_id__in=wanted).values_list("claimant_id", "pk"))


def known_lookups(site_id: int, lookups: Sequence[tuple[bytes | None, bytes | None]]) -> set[bytes | None]:
    """Those digests, of either column, under which the site has a code; one that is None is nobody's."""
    found: set[bytes | None] = set()
    for name, wanted in zip(("lookup_odd", "lookup_even"), zip(*lookups, strict=True), strict=False):
        if wanted[0] is not None:
            # Said twice, because the planner does not see that the list holds no NULL and the index does not either.
            found |= found_in(Code._meta.db_table, name, "site_id", site_id, list(wanted), name).keys()
    return found


def earlier_lines(source: CodeImport, wanted: list[bytes]) -> dict[bytes, int]:
    """In which line of the file each of these digests stands already."""
    return found_in(ImportRow._meta.db_table, "digest", "source_id", source.pk, wanted, "line") if wanted else {}


def found_in(table: str, column: str, scope: str, scope_id: int, wanted: list[bytes], answer: str) -> dict[bytes, Any]:
    among, params = rows.one_of(column, "bytea", wanted)
    sql = f"SELECT {column}, {answer} FROM {table} WHERE {scope} = %s AND {column} IS NOT NULL AND {among}"  # noqa: S608
    # Not prepared: a plan that is kept was made when the table was empty, and compares each row with each value.
    with connection.cursor() as cursor:
        cursor.execute(sql, [scope_id, *params])
        return {bytes(found): said for found, said in cursor.fetchall()}


def discard_chunk(claimed: CodeImport) -> CodeImport:
    """Remove the file and the next rows of an import that is discarded; the last chunk ends it."""
    with transaction.atomic(durable=True):
        source = jobs.lock(claimed)
        now = clock.read()
        ImportPiece.objects.filter(source=source).delete()
        jobs.renew(source, now)
        if not remove_rows(source):
            jobs.finish(source, now, State.CANCELLED)
        source.save()
    return source


def remove_rows(source: CodeImport) -> bool:
    """Remove the next rows of an import; whether there were any."""
    left = ImportRow.objects.filter(source=source)
    last = list(left.order_by("line").values_list("line", flat=True)[CHUNK - 1 : CHUNK])
    removed, _ = (left.filter(line__lte=last[0]) if last else left).delete()
    return removed > 0
