"""The routes of /api/v1/, each with and without a slash at the end; the hot one first."""

from django.urls import path
from django.urls.resolvers import URLPattern
from django.views import View

from redemption_site.api.accounts import AccountView
from redemption_site.api.articles import ArticlesView, ItemStatusesView
from redemption_site.api.assignments import AssignmentsView, OwnCodesView
from redemption_site.api.attempts import AttemptView
from redemption_site.api.batches import BatchesView, BatchView
from redemption_site.api.codes import CodesView, CodeView
from redemption_site.api.edits import BatchEditsView, EditCancellationView, EditView
from redemption_site.api.exports import ExportView
from redemption_site.api.imports import ImportConfirmationView, ImportProblemsView, ImportsView, ImportView
from redemption_site.api.orders import CancellationView, MoreCodesView, OrderView
from redemption_site.api.points import PointsView
from redemption_site.api.redemptions import RedemptionsView
from redemption_site.api.reservations import ConfirmationView, ReleaseView, ReservationsView, ReservationView
from redemption_site.api.reversals import ReversalView
from redemption_site.api.shop_orders import ItemStatusView, ItemView, ShopOrdersView, ShopOrderView
from redemption_site.api.validations import ValidationsView

ROUTES: tuple[tuple[str, type[View]], ...] = (
    ("redemptions", RedemptionsView),
    ("validations", ValidationsView),
    ("redemptions/<uuid:attempt_id>", AttemptView),
    ("redemptions/<uuid:attempt_id>/reversal", ReversalView),
    ("reservations", ReservationsView),
    ("reservations/<uuid:reservation_id>", ReservationView),
    ("reservations/<uuid:reservation_id>/confirm", ConfirmationView),
    ("reservations/<uuid:reservation_id>/release", ReleaseView),
    ("batches/<int:batch_id>/assignments", AssignmentsView),
    ("batches", BatchesView),
    ("batches/<int:batch_id>", BatchView),
    ("batches/<int:batch_id>/edits", BatchEditsView),
    ("edits/<int:edit_id>", EditView),
    ("edits/<int:edit_id>/cancellation", EditCancellationView),
    ("batches/<int:batch_id>/export", ExportView),
    ("imports", ImportsView),
    ("imports/<int:import_id>", ImportView),
    ("imports/<int:import_id>/problems", ImportProblemsView),
    ("imports/<int:import_id>/confirmation", ImportConfirmationView),
    ("batches/<int:batch_id>/codes", MoreCodesView),
    ("articles", ArticlesView),
    ("item-statuses", ItemStatusesView),
    ("shop-orders", ShopOrdersView),
    ("shop-orders/<int:number>", ShopOrderView),
    ("shop-orders/<int:number>/items/<int:position>", ItemView),
    ("shop-orders/<int:number>/items/<int:position>/status", ItemStatusView),
    ("orders/<int:order_id>", OrderView),
    ("orders/<int:order_id>/cancellation", CancellationView),
    ("codes", CodesView),
    ("codes/<int:code_id>", CodeView),
    ("claimants/<path:claimant_id>/codes", OwnCodesView),
    ("claimants/<path:claimant_id>/account", AccountView),
    ("claimants/<path:claimant_id>/points", PointsView),
)


def both(route: str, view: type[View]) -> list[URLPattern]:
    answer = view.as_view()
    return [path(route, answer), path(f"{route}/", answer)]


urlpatterns = [pattern for route, view in ROUTES for pattern in both(route, view)]
