"""Files of codes for tests about importing them."""

from typing import Any

from accounts.models import Site
from codes import importing, issuing
from codes.importing import NewImport
from codes.models import CodeImport, ImportRow, IssueOrder
from tests.factories import new_batch


def new_import(site: Site, file: str | bytes, *, worth_cents: int = 500, **fields: Any) -> NewImport:
    """A file for a new batch on ``site``, or for ``batch``; what is not NewImport's is NewBatch's."""
    own = {name: fields.pop(name) for name in ("batch", "idempotency_key", "file_name") if name in fields}
    if "batch" not in own:
        fields.setdefault("name", f"import {CodeImport.objects.count() + 1}")
        own["new"] = new_batch(site, worth_cents=worth_cents, **fields)
    content = file.encode() if isinstance(file, str) else file
    return NewImport(site_id=site.pk, caller_key="client:1", actor_id="boss", file=content, **own)


def receive(site: Site, file: str | bytes, **fields: Any) -> CodeImport:
    return importing.receive_import(new_import(site, file, **fields))[0]


def check(site: Site, file: str | bytes, **fields: Any) -> CodeImport:
    """The import once its file is checked."""
    return importing.work_import(receive(site, file, **fields))


def confirm(source: CodeImport) -> IssueOrder:
    return importing.confirm_import(source.pk, caller_key="client:1", actor_id="boss")


def import_codes(site: Site, file: str | bytes, **fields: Any) -> IssueOrder:
    """Everything: sent, checked, confirmed and made into codes."""
    return issuing.work_order(confirm(check(site, file, **fields)).pk)


def counts(source: CodeImport) -> tuple[int, int, int, int]:
    """Good, bad, known, repeated."""
    return source.good, source.bad, source.known, source.repeated


def problems(source: CodeImport) -> list[tuple[int, str, str]]:
    rows = ImportRow.objects.filter(source=source).exclude(problem="").order_by("line")
    return list(rows.values_list("line", "column", "problem"))
