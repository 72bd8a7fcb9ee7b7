"""Import codes made elsewhere from the command line: check the file, show what was found, and on request make the codes."""

import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from accounts.models import Site
from accounts.refusals import Refusal
from codes import import_problems, importing, issuing
from codes.import_reading import Layout
from codes.models import Batch, CodeImport, IssueOrder, Job
from redemption_site.management.commands import issue_codes
from redemption_site.management.commands.issue_codes import BAR


class Command(issue_codes.Command):
    help = "Check a CSV of codes (columns code, uses, value, valid_from, valid_until, owner) and import its good rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--site", required=True, help="slug of the site")
        parser.add_argument("--name", required=True, help="of the batch to be; with --more of the one they join")
        parser.add_argument("--check-only", action="store_true", help="say what is wrong with it, and leave nothing")
        parser.add_argument("--yes", action="store_true", help="import the good rows without asking")
        parser.add_argument("--problems", type=Path, help="write every row that is left out to this file, as CSV")
        self.add_terms(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(slug=options["site"]).first()
        if site is None:
            raise CommandError(f"There is no site {options['site']!r}.")
        try:
            source = self.receive(site, options)
            source = importing.work_import(source, self.show)
            self.stderr.write("")
            self.tell(source, options["problems"])
            if options["check_only"] or not self.agreed(source, options):
                importing.discard_import(source, actor_id="system")
                importing.work_import(source)
                self.stdout.write("Nothing was imported.")
                return
            order = importing.confirm_import(source.pk, caller_key="command", actor_id="system")
        except ValidationError as error:
            raise CommandError(
                "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
            ) from error
        order = issuing.work_order(order.pk, self.show)
        self.stderr.write("")
        if order.state != IssueOrder.State.DONE:
            raise CommandError(f"The order is {order.get_state_display().lower()}. {order.error}")
        self.stdout.write(f"Batch {order.batch_id}: {order.issued:,} codes imported.")

    def receive(self, site: Site, options: dict[str, Any]) -> CodeImport:
        """Raises CommandError on a file that cannot be read, or is too large to be."""
        path, batch, new = options["file"], None, None
        try:
            with path.open("rb") as file:
                content = file.read(importing.LARGEST_FILE + 1)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        if options["more"]:
            batch = Batch.objects.filter(site=site, name=options["name"]).first()
            if batch is None:
                raise CommandError(f"There is no batch {options['name']!r}.")
        else:
            new = self.new_batch(site, {**options, "count": 1, "format": "ours", "pattern": ""})
        try:
            return importing.receive_import(
                importing.NewImport(
                    site_id=site.pk,
                    caller_key="command",
                    actor_id="system",
                    file=content,
                    file_name=path.name,
                    new=new,
                    batch=batch,
                )
            )[0]
        except Refusal as refusal:
            raise CommandError("The file is larger than 32 MiB. Import it in parts.") from refusal

    def tell(self, source: CodeImport, problems: Path | None) -> None:
        """What the check found."""
        if source.state != CodeImport.State.DONE:
            raise CommandError(f"The check is {source.get_state_display().lower()}. {source.error}")
        self.stdout.write(Layout.of_json(source.layout).said())
        words = {"good": "good", "bad": "cannot be used", "known": "known to the site", "repeated": "twice in the file"}
        for name, said in words.items():
            self.stdout.write(f"{getattr(source, name):>12,}  {said}")
        if problems:
            with problems.open("w", newline="", encoding="utf-8") as file:
                file.writelines(import_problems.as_csv(source))
            self.stdout.write(f"The rows that are left out are in {problems}.")
            return
        for row in import_problems.problems(source, most=10):
            self.stdout.write(f"  line {row.line}: {row.problem}")
        if source.rows - source.good > 10:
            self.stdout.write("  … (--problems FILE writes all of them)")

    def agreed(self, source: CodeImport, options: dict[str, Any]) -> bool:
        if options["yes"] or not source.good:
            return True  # Confirming nothing says why it cannot be.
        if not sys.stdin.isatty():
            raise CommandError("Say --yes to import the good rows, or --check-only.")
        return input(f"Import {source.good:,} codes? [y/N] ").strip().lower() in ("y", "yes")

    def show(self, job: Job) -> None:
        done, of = job.progress
        filled = BAR * done // max(of, 1)
        line = f"\r[{'█' * filled}{'░' * (BAR - filled)}] {done:>10,} of {of:,}"
        (sys.stderr if sys.stderr.isatty() else self.stderr).write(line)
