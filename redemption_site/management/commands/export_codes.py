"""Export the codes of a batch into a file; stopped anywhere, ``--resume`` goes on behind the file's last whole row."""

import csv
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from codes.export_formats import FORMATS, Format
from codes.exporting import Export, ExportCodes, export_codes
from codes.models import Batch, Code

LAST_ROWS = 65_536  # More bytes than the longest row has.

FIRST_OF_LINES = b'{"serial":'


class Command(BaseCommand):
    help = "Export the codes of a batch, with their characters, into a file that only its owner may read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, required=True, help="ID of the batch")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")
        parser.add_argument("--reason", required=True, help="why, for the audit")
        parser.add_argument("--format", default="csv", choices=list(FORMATS))
        parser.add_argument("--state", default="", choices=["", *Code.State.values])
        parser.add_argument("--from-serial", type=int)
        parser.add_argument("--to-serial", type=int, help="included")
        parser.add_argument("--resume", action="store_true", help="go on behind the last whole row of FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        batch = Batch.objects.filter(pk=options["batch"]).first()
        if batch is None:
            raise CommandError(f"There is no batch {options['batch']}.")
        names = ("format", "reason", "state", "from_serial", "to_serial")
        with open_file(options["out"], resume=options["resume"]) as out:
            after = cut_to_last_row(out, FORMATS[options["format"]]) if options["resume"] else None
            asked = ExportCodes(batch, actor_id="system", door="command", after=after, **{n: options[n] for n in names})
            try:
                export = export_codes(asked)
            except ValidationError as error:
                said = error.message_dict.items()
                raise CommandError("; ".join(f"{name}: {' '.join(messages)}" for name, messages in said)) from error
            self.write(export, out)
        if not export.complete:
            raise CommandError(f"Broken off after {export.rows:,} codes: call it again with --resume.")
        unreadable = f" {export.unreadable:,} of them could not be unsealed." if export.unreadable else ""
        self.stdout.write(f"{export.rows:,} codes exported.{unreadable}")

    def write(self, export: Export, out: BinaryIO) -> None:
        """Every piece but the line that says it broke off: here the exit code says so."""
        try:
            for piece in export:
                if not export.broken:
                    out.write(piece)
                    self.show(export)
            out.flush()
            os.fsync(out.fileno())
        finally:
            export.close()

    def show(self, export: Export) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{export.rows:>12,} codes, serial {export.last_serial or 0:,} of {export.last:,}")


def open_file(path: Path, *, resume: bool) -> BinaryIO:
    """The file, for its owner alone. One that is there already is only gone on with, never written over."""
    kind = os.O_RDWR | os.O_CREAT | (0 if resume else os.O_EXCL)
    try:
        return os.fdopen(os.open(path, kind, 0o600), "r+b")
    except FileExistsError as error:
        raise CommandError(f"{path} exists: choose another name, or go on with it by --resume.") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def cut_to_last_row(out: BinaryIO, form: Format) -> int | None:
    """Cut off what was written of a row that is not whole; answers the last whole row's serial, None where there is none."""
    size = out.seek(0, os.SEEK_END)
    start = out.seek(max(0, size - LAST_ROWS))
    tail = out.read()
    whole = tail[: tail.rfind(form.line_end) + len(form.line_end)] if form.line_end in tail else b""
    if not start and not is_ours(tail, form):
        raise CommandError("This file is no export of this format.")
    out.seek(start + len(whole))
    out.truncate()
    lines = whole.split(form.line_end)[-2:-1]
    if not lines or (not start and whole == form.heading):
        out.seek(0)
        out.truncate()
        return None
    return serial_of(lines[0])


def is_ours(start: bytes, form: Format) -> bool:
    """Whether a file beginning so is an export of this format, however little of it was written."""
    first = form.heading or FIRST_OF_LINES
    return start[: len(first)] == first[: len(start)]


def serial_of(line: bytes) -> int:
    """The serial that a row begins with."""
    try:
        if line.startswith(b"{"):
            return int(orjson.loads(line)["serial"])
        return int(next(csv.reader([line.decode()]))[0])
    except (ValueError, KeyError, IndexError, StopIteration) as error:
        raise CommandError("The last row of this file is no row of an export.") from error
