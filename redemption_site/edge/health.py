"""Is the process alive, and can it serve? For supervisors and load balancers; neither answer tells anything secret."""

from dataclasses import dataclass, field

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import heartbeats, outages, triggers
from redemption_site.edge.rendering import json_response

PROCESSES = ("worker", "poller")


@dataclass
class Schema:
    """Whether the database is as this release needs it. Asked until it once is: the questions cost many statements."""

    is_complete: bool = field(default=False)

    def lacks(self) -> str | None:
        """What is missing: "migrations", "triggers", or nothing."""
        if self.is_complete:
            return None
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "migrations"
        if triggers.missing_triggers():
            return "triggers"
        self.is_complete = True
        return None


schema = Schema()


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers at all; asks the database nothing, so that an outage restarts nobody."""
    return json_response({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database is reachable, migrated and guarded by its triggers; else 503 with the reason.

    ``heartbeats`` are the seconds since the worker and the poller last showed that they consume; null if they never
    did, or nobody can know. A silent worker does not make the web server unready: redemptions do not need it.
    """
    ages: dict[str, float | None] = dict.fromkeys(PROCESSES)
    try:
        reason = schema.lacks()
        if reason != "migrations":
            ages.update({name: age for name, age in heartbeats.ages_in_seconds().items() if name in ages})
    except Error as error:
        if not outages.is_away(error):
            raise
        reason = "database"
    if reason:
        body = {"status": "unavailable", "reason": reason, "heartbeats": ages}
        return json_response(body, 503, {"Retry-After": "5"})
    return json_response({"status": "ok", "heartbeats": ages})
