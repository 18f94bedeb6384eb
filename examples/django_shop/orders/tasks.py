"""The tasks: Django's own, which any backend could run, and one monarq job."""

from __future__ import annotations

import sys

from django.core.mail import send_mail
from django.db.models import Sum

from monarq import SyncContext, job
from orders.models import Order

if sys.version_info >= (3, 12):
    from django.tasks import task
else:
    from django_tasks import task


@task(queue_name="mail")
def send_receipt(order_id: int) -> str:
    """Writes the receipt of an order and sends it; returns its text."""
    order = Order.objects.get(id=order_id)
    order.receipt = f"{order.customer} pays {order.total}"
    order.save(update_fields=["receipt"])
    send_mail("Your receipt", order.receipt, None, [order.customer])
    return order.receipt


@task(takes_context=True)
async def count_orders(context: object, customer: str) -> int:
    """Counts a customer's orders, on the worker's event loop."""
    return await Order.objects.filter(customer=customer).acount()


@job(lane="thread")
def total_of(ctx: SyncContext, customer: str) -> int:
    """Adds up what a customer has ordered: a monarq job, which can report progress and be cancelled."""
    ctx.progress(0, 1, "adding up")
    return Order.objects.filter(customer=customer).aggregate(total=Sum("total"))["total"] or 0
