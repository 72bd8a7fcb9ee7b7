"""Change or delete all codes of a batch from the command line; Ctrl-C leaves an edit that goes on where it stopped."""

import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime

from accounts.models import Site
from accounts.refusals import Refusal
from codes import editing, foreseeing
from codes.foreseeing import NewEdit
from codes.models import Batch, BatchEdit
from codes.uses import typed
from ledger.models import Asset

BAR = 40
NONE = "none"


class Command(BaseCommand):
    help = "Say what an edit of all codes of a batch would do; with --yes, do it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("site", help="slug of the site")
        parser.add_argument("name", help="name of the batch")
        parser.add_argument("kind", choices=BatchEdit.Kind.values)
        parser.add_argument("--reason", required=True, help="kept in the audit")
        parser.add_argument("--valid-from", help=f"first moment with its offset from UTC, or {NONE}")
        parser.add_argument("--valid-until", help=f"first moment after validity with its offset from UTC, or {NONE}")
        parser.add_argument("--max-uses", type=typed, help="a number, or unlimited")
        parser.add_argument("--yes", action="store_true", help="do it, and wait until it is done")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(slug=options["site"]).first()
        if site is None:
            raise CommandError(f"There is no site {options['site']!r}.")
        batch = Batch.objects.filter(site=site, name=options["name"]).first()
        if batch is None:
            raise CommandError(f"There is no batch {options['name']!r}.")
        new = new_edit(options)
        try:
            self.tell(foreseeing.foresee(batch, new))
            if not options["yes"]:
                self.stdout.write("Nothing was changed. Say --yes to do it.")
                return
            edit, _ = editing.order_edit(batch, new, caller_key="command", actor_id="system")
        except ValidationError as error:
            raise CommandError(
                "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
            ) from error
        except Refusal as refusal:
            raise CommandError(f"{refusal.reason.replace('_', ' ')}: nothing was changed.") from refusal
        edit = editing.work_edit(edit.pk, self.show)
        self.stderr.write("")
        if edit.state != BatchEdit.State.DONE:
            raise CommandError(f"The edit is {edit.get_state_display().lower()}: {edit.touched:,} codes changed.")
        self.stdout.write(f"Edit {edit.pk}: {edit.touched:,} codes changed, {edit.passed_over:,} passed over.")

    def tell(self, foreseen: dict[str, Any]) -> None:
        about = "" if foreseen["exact"] else "about "
        handed_out, used = (foreseeing.at_least(foreseen, name) for name in ("handed_out", "used"))
        self.stdout.write(
            f"{about}{foreseen['touched']:,} of {foreseen['codes']:,} codes change; of these are handed out: "
            f"{handed_out}, used: {used}."
        )
        for reason, count in foreseen["passed_over"].items():
            self.stdout.write(f"  passed over: {about}{count:,} ({reason.replace('_', ' ')})")
        for move in foreseen["moved"]:
            asset = Asset.objects.get(code=move["asset"])
            self.stdout.write(f"  {move['type']}: {about}{asset.major(move['amount']):,f} {asset.code}")

    def show(self, edit: BatchEdit) -> None:
        done = BAR * edit.serial // max(edit.last_serial, 1)
        line = f"\r[{'█' * done}{'░' * (BAR - done)}] {edit.serial:>10,} of {edit.last_serial:,}"
        (sys.stderr if sys.stderr.isatty() else self.stderr).write(line)


def new_edit(options: dict[str, Any]) -> NewEdit:
    """What was typed. Raises CommandError on an instant that is none."""
    wanted: dict[str, Any] = {}
    for name in ("valid_from", "valid_until"):
        if options[name] is not None:
            wanted[name] = None if options[name] == NONE else instant(options[name])
    if options["max_uses"] is not None:
        wanted["max_uses"] = options["max_uses"]
    return NewEdit(kind=options["kind"], reason=options["reason"], **wanted)


def instant(text: str) -> Any:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(f"{text!r} is no instant with its offset from UTC, as 2027-01-01T00:00:00+00:00.")
    return found
