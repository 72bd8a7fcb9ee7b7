"""Figures for Prometheus, read from the database at each scrape, so that they are right however many processes serve.

Who may read: the machine itself sees the whole platform; an API key with the scope ``read`` sees its own site's.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from accounts import clock, heartbeats
from accounts.models import Site
from accounts.refusals import Unauthenticated
from codes.advice import backlog, tallies
from codes.models import Attempt, IssueOrder, ReceiptMail
from redemption_site.edge.addresses import is_loopback
from redemption_site.edge.authentication import CHALLENGE, find_caller
from redemption_site.edge.rendering import problem

NEEDED = "This needs an API key with the scope 'read'."
WINDOW = timedelta(minutes=1)
UNFINISHED = (IssueOrder.State.QUEUED, IssueOrder.State.RUNNING, IssueOrder.State.CANCELLING)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' text format."""
    site_id = None
    if request.META.get("HTTP_AUTHORIZATION") or not is_loopback(request):
        try:
            caller = find_caller(request)
        except Unauthenticated:
            caller = None
        if caller is None:
            return problem(401, "unauthenticated", NEEDED, headers={"WWW-Authenticate": CHALLENGE})
        if "read" not in caller.scopes:
            return problem(403, "scope_missing", NEEDED)
        site_id = caller.site_id
    registry = CollectorRegistry()
    registry.register(Figures(site_id))
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST, headers=headers)


class Figures(Collector):
    """The gauges of one site, or of all; seven statements."""

    def __init__(self, site_id: int | None) -> None:
        self.site_id = site_id
        self.sites = [site_id] if site_id else list(Site.objects.values_list("pk", flat=True))

    def describe(self) -> Iterable[Metric]:
        return ()  # Registering must not ask the database.

    def collect(self) -> Iterable[Metric]:
        now = clock.read()
        attempts = GaugeMetricFamily(
            "redemption_attempts_last_minute", "Attempts decided in the last 60 seconds.", labels=["outcome", "reason"]
        )
        # By site, because the index on attempts begins with it.
        recent = Attempt.objects.filter(site__in=self.sites, decided_at__gte=now - WINDOW)
        for outcome, reason, count in recent.order_by().values_list("outcome", "reason").annotate(count=Count("pk")):
            attempts.add_metric([outcome, reason], count)
        yield attempts

        orders = IssueOrder.objects.filter(site__in=self.sites, state__in=UNFINISHED)
        yield GaugeMetricFamily("redemption_issue_orders_due", "Orders of codes not yet issued.", value=orders.count())

        mails = ReceiptMail.objects.filter(attempt__site__in=self.sites, state=ReceiptMail.State.DUE, due_at__lte=now)
        yield GaugeMetricFamily("redemption_receipt_mails_due", "Receipts waiting to be e-mailed.", value=mails.count())

        work = backlog.read(None if self.site_id is None else [self.site_id], now)
        yield GaugeMetricFamily("redemption_advices_waiting", "Advices not judged yet.", value=work.waiting)
        yield GaugeMetricFamily(
            "redemption_advices_parked", "Advices that could not be judged and wait for staff.", value=work.parked
        )
        yield GaugeMetricFamily(
            "redemption_advices_lag_seconds",
            "How long the longest due advice has waited to be judged.",
            value=work.lag_seconds,
        )
        judged = GaugeMetricFamily(
            "redemption_advices_last_minute",
            "Advices judged in the last whole minute of the clock.",
            labels=["outcome"],
        )
        minute = tallies.minute_of(now)
        for outcome, count in tallies.in_all(self.sites, minute - WINDOW, minute).items():
            judged.add_metric([outcome], count)
        yield judged

        silence = GaugeMetricFamily(
            "redemption_process_silent_seconds", "Since a background process last showed life.", labels=["process"]
        )
        for process, seconds in heartbeats.ages_in_seconds().items():
            silence.add_metric([process], seconds)
        yield silence
