"""The views."""

from __future__ import annotations

import sys

from django.db import transaction
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from monarq.django import enqueue_on_commit, producer
from orders.models import Order
from orders.tasks import count_orders, send_receipt, total_of

if sys.version_info >= (3, 12):
    from django.tasks.exceptions import TaskResultDoesNotExist
else:
    from django_tasks.exceptions import TaskResultDoesNotExist


@csrf_exempt
@require_POST
def order(request: HttpRequest) -> JsonResponse:
    """Creates an order. Its receipt is sent after the order is committed, and only then."""
    with transaction.atomic():
        made = Order.objects.create(customer=request.POST["customer"], total=int(request.POST["total"]))
        enqueue_on_commit(send_receipt, made.id)
    counting = count_orders.enqueue(made.customer)
    adding = producer().enqueue(total_of, made.customer)
    return JsonResponse({"order": made.id, "counting": counting.id, "adding": adding.job_id}, status=202)


def receipt(request: HttpRequest, result_id: str) -> JsonResponse:
    """The state of a count of orders."""
    try:
        result = count_orders.get_result(result_id)
    except TaskResultDoesNotExist:
        raise Http404 from None
    return JsonResponse(
        {"status": result.status, "orders": result.return_value if result.status == "SUCCESSFUL" else None}
    )
