"""The desk's first page: how the day goes, in a fixed number of statements however much happened.

Every statement is bounded by an index that begins with the site, so superusers' are given the list of all sites.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.db import OperationalError
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.http import HttpRequest
from django.urls import reverse

from accounts import clock, heartbeats
from accounts.admin.scope import sites_where, staff_of
from codes.admin.advice_words import span
from codes.admin.attempt_rows import ATTEMPT_NEVER_READ, attempt_row
from codes.admin.batches import progress_of
from codes.admin.words import reason_said
from codes.advice import backlog
from codes.models import Attempt, IssueOrder, ReceiptMail, WorkItem
from ledger.admin.money import money
from ledger.models import Asset, LedgerTransaction, Transfer

RECENT = 10
ORDERS = 5
LATE_SECONDS = 60  # An advice that is due is judged within seconds.
SILENT_SECONDS = 30  # The supervisor replaces a process that is silent so long.
PROCESSES = ("worker", "poller")
OPEN_ORDERS = (IssueOrder.State.QUEUED, IssueOrder.State.RUNNING, IssueOrder.State.CANCELLING)


@dataclass(frozen=True)
class Hour:
    """One bar of the chart; heights in percent of the tallest."""

    label: str
    redeemed: int
    refused: int
    redeemed_height: int
    refused_height: int


def overview(request: HttpRequest) -> dict[str, Any]:
    """What the first page shows: of the sites the reader may see, since midnight in their time zone."""
    sites = sites_where(staff_of(request), "codes.view_attempt")
    ids = [site.pk for site in sites]
    now = clock.read()
    zones = {site.time_zone for site in sites}
    zone = ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        figures = day_figures(ids, midnight, now, zone)
    except OperationalError:
        figures = {"too_much": True}
    return {
        "sites": sites,
        "day": f"{midnight:%A, %d %B %Y}",
        "zone": zone.key,
        **figures,
        **work_waiting(ids, midnight),
        **advices_waiting(ids, now),
        "processes": processes(),
        "attempts": recent_attempts(ids),
        "links": links(),
    }


def day_figures(ids: list[int], midnight: dt.datetime, now: dt.datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Redemptions, refusals by reason and the chart: one statement; value credited per asset: a second and a third."""
    attempts = Attempt.objects.filter(within(ids), decided_at__gte=midnight)
    groups = attempts.order_by().annotate(hour=TruncHour("decided_at", tzinfo=zone)).values("outcome", "reason", "hour")
    redeemed: dict[int, int] = {}
    refused: dict[int, int] = {}
    reasons: dict[str, int] = {}
    for outcome, reason, hour, count in groups.annotate(count=Count("id")).values_list(
        "outcome", "reason", "hour", "count"
    ):
        if outcome == Attempt.Outcome.REDEEMED:
            redeemed[hour.hour] = redeemed.get(hour.hour, 0) + count
        else:
            refused[hour.hour] = refused.get(hour.hour, 0) + count
            reasons[reason] = reasons.get(reason, 0) + count
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "redemptions": f"{sum(redeemed.values()):,}",
        "refusals": f"{sum(refused.values()):,}",
        "reasons": [(reason, reason_said(reason), f"{count:,}") for reason, count in ordered],
        "hours": hours(redeemed, refused, now.astimezone(zone).hour) if redeemed or refused else [],
        "credited": credited(ids, midnight),
    }


def hours(redeemed: dict[int, int], refused: dict[int, int], last: int) -> list[Hour]:
    """The bars from midnight to now."""
    tallest = max([1, *redeemed.values(), *refused.values()])
    return [
        Hour(
            f"{hour:02d}:00",
            redeemed.get(hour, 0),
            refused.get(hour, 0),
            round(100 * redeemed.get(hour, 0) / tallest),
            round(100 * refused.get(hour, 0) / tallest),
        )
        for hour in range(last + 1)
    ]


def credited(ids: list[int], midnight: dt.datetime) -> list[str]:
    """What codes credited since midnight, an asset a line; what was reversed is not taken off."""
    sums = Transfer.objects.filter(
        transaction__in=LedgerTransaction.objects.filter(
            within(ids), type=LedgerTransaction.Type.CREDIT, booked_at__gte=midnight
        ).values("pk")
    )
    totals = dict(sums.order_by().values_list("credit_account__asset_id").annotate(total=Sum("amount")))
    assets = Asset.objects.filter(pk__in=totals).order_by("code") if totals else []
    return [money(asset, totals[asset.pk]) for asset in assets]


def work_waiting(ids: list[int], midnight: dt.datetime) -> dict[str, Any]:
    """What somebody has to look at: orders under way, codes issued today, open work items, mails given up."""
    issued = IssueOrder.objects.filter(within(ids), state=IssueOrder.State.DONE, finished_at__gte=midnight)
    running = IssueOrder.objects.filter(within(ids), state__in=OPEN_ORDERS).select_related("batch").order_by("due_at")
    return {
        "issued": f"{issued.aggregate(total=Sum('wanted'))['total'] or 0:,}",
        "orders": [(order, progress_of(order)) for order in running[:ORDERS]],
        "open_items": WorkItem.objects.filter(within(ids), state=WorkItem.State.OPEN).count(),
        "parked_mails": ReceiptMail.objects.filter(state=ReceiptMail.State.PARKED, attempt__site__in=ids).count(),
    }


def advices_waiting(ids: list[int], now: dt.datetime) -> dict[str, Any]:
    """Advices that were given up, and those not judged yet; these are worth a look once one has waited so long."""
    work = backlog.read(ids, now)
    return {
        "parked_advices": f"{work.parked:,}" if work.parked else "",
        "waiting_advices": f"{work.waiting:,}",
        "advices_late": span(work.lag_seconds) if work.lag_seconds > LATE_SECONDS else "",
    }


def processes() -> list[dict[str, Any]]:
    """The background processes and how long ago each gave a sign of life."""
    ages = heartbeats.ages_in_seconds()
    return [
        {
            "name": name,
            "age": round(ages[name]) if name in ages else None,
            "well": ages.get(name, SILENT_SECONDS) < SILENT_SECONDS,
        }
        for name in (*PROCESSES, *sorted(set(ages) - set(PROCESSES)))
    ]


def recent_attempts(ids: list[int]) -> list[dict[str, Any]]:
    """The newest attempts. One site's come by its index; those of several by the key, which grows with time."""
    order = ("-decided_at", "-id") if len(ids) == 1 else ("-id",)
    attempts: QuerySet[Attempt] = Attempt.objects.filter(within(ids)).select_related("claimant", "reversal", "site")
    attempts = attempts.defer(*ATTEMPT_NEVER_READ, "checks", "result", "given", "claimant__password")
    return [{**attempt_row(each), "site": each.site.name} for each in attempts.order_by(*order)[:RECENT]]


def within(ids: list[int]) -> Q:
    return Q(site_id=ids[0]) if len(ids) == 1 else Q(site_id__in=ids)


def links() -> dict[str, str]:
    """Where the figures lead."""
    attempts = reverse("admin:codes_attempt_changelist")
    return {
        "attempts": attempts,
        "redeemed": f"{attempts}?outcome__exact=redeemed&when=day",
        "refused": f"{attempts}?outcome__exact=refused&when=day",
        "items": f"{reverse('admin:codes_workitem_changelist')}?state__exact=open",
        "mails": f"{reverse('admin:codes_receiptmail_changelist')}?state__exact=parked",
        "parked": f"{reverse('admin:codes_advice_changelist')}?outcome=parked",
        "waiting": f"{reverse('admin:codes_advice_changelist')}?outcome=waiting",
        "batches": reverse("admin:codes_batch_changelist"),
    }
