"""Celery's doors to the deeds. Each may run twice or beside the due-poller, which finds by itself what was never rung."""

from celery import shared_task

from accounts import heartbeats
from codes import expiring, issuing, mailing, resealing

# Below the soft time limit of 25 s; what is left of an order is found again by the poller and the next ring.
SECONDS_PER_ORDER = 15


@shared_task(name="codes.work_order")
def work_order(order_id: int) -> None:
    issuing.work_order(order_id, seconds=SECONDS_PER_ORDER)


@shared_task(name="codes.work_due_orders")
def work_due_orders() -> None:
    for order_id in issuing.due_orders(limit=1):
        issuing.work_order(order_id, seconds=SECONDS_PER_ORDER)


@shared_task(name="codes.sweep_expired")
def sweep_expired() -> None:
    expiring.sweep_expired(chunks=20)


@shared_task(name="codes.reseal")
def reseal() -> None:
    resealing.reseal(chunks=10)


@shared_task(name="codes.send_receipts")
def send_receipts() -> None:
    mailing.send_due_mails()


@shared_task(name="codes.heartbeat")
def heartbeat() -> None:
    """Written by a worker that really consumes: one that only holds its connection falls silent."""
    heartbeats.beat("worker")
