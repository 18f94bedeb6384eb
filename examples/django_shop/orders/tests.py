"""The project's tests: the tasks run in a sandbox, without a worker."""

from __future__ import annotations

from django.core import mail
from django.test import TestCase

from monarq.testing import SandboxMixin
from orders.models import Order
from orders.tasks import total_of


class Orders(SandboxMixin, TestCase):
    """Orders, and what is done for them."""

    monarq_app = "monarq.django.worker"

    def test_an_order_is_counted_and_its_receipt_is_sent(self) -> None:
        """All that follows from an order."""
        with self.captureOnCommitCallbacks(execute=True):
            made = self.client.post("/orders/", {"customer": "a@example.com", "total": 12}).json()
        self.monarq_sync.assert_enqueued(total_of, "a@example.com")
        self.monarq_sync.drain()
        assert [message.body for message in mail.outbox] == ["a@example.com pays 12"]
        assert Order.objects.get(id=made["order"]).receipt == "a@example.com pays 12"
        counted = self.client.get(f"/receipts/{made['counting']}/").json()
        assert counted == {"status": "SUCCESSFUL", "orders": 1}
