"""The project's URLs."""

from __future__ import annotations

from django.urls import path
from orders.views import order, receipt

urlpatterns = [path("orders/", order), path("receipts/<str:result_id>/", receipt)]
