"""What kinds of jobs there are, and working off whatever is due: for the Celery tasks and the due-poller alike."""

import time
from collections.abc import Callable
from typing import Any

from codes import editing, import_checking, issuing, jobs
from codes.models import BatchEdit, CodeImport, IssueOrder, Job

# Kind → its model and the step that does one chunk.
KINDS: dict[str, tuple[type[Job], Callable[[Any], Any]]] = {
    "issue": (IssueOrder, issuing.step),
    "edit": (BatchEdit, editing.step),
    "import": (CodeImport, import_checking.step),
}


def work_job(kind: str, job_id: int, *, seconds: float | None = None) -> Job:
    """Work one job off in the background, for at most ``seconds``."""
    model, step = KINDS[kind]
    return jobs.work(model, job_id, step, seconds=seconds, gently=True)


def work_due(*, seconds: float) -> int:
    """The oldest due job of each kind, for at most ``seconds`` in all; answers how many were worked on."""
    started, worked = time.monotonic(), 0
    for kind, (model, _) in KINDS.items():
        for job_id in jobs.due(model, limit=1):
            left = seconds - (time.monotonic() - started)
            if left > 0:
                work_job(kind, job_id, seconds=left)
                worked += 1
    return worked
