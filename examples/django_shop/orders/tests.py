"""The project's tests: the tasks run in a sandbox, without a worker."""

from __future__ import annotations

from django.core import mail
from django.test import TestCase

from monarq.testing import SandboxMixin
from orders.models import Order
from orders.tasks import send_receipt, total_of


class Orders(SandboxMixin, TestCase):
    """Orders and their tasks. No test uses the Redis of the settings: each has a sandbox."""

    def test_an_order_is_counted_and_its_receipt_is_sent(self) -> None:
        """Everything that an order causes."""
        with self.captureOnCommitCallbacks(execute=True):
            made = self.client.post("/orders/", {"customer": "a@example.com", "total": 12}).json()
        self.monarq_sync.assert_enqueued(total_of, "a@example.com")
        self.monarq_sync.assert_enqueued(send_receipt, made["order"], queue="mail")
        sent = [ended.value for ended in self.monarq_sync.drain() if ended.queue == "mail"]
        assert sent == ["a@example.com pays 12"]
        assert [message.body for message in mail.outbox] == ["a@example.com pays 12"]
        assert Order.objects.get(id=made["order"]).receipt == "a@example.com pays 12"
        counted = self.client.get(f"/receipts/{made['counting']}/").json()
        assert counted == {"status": "SUCCESSFUL", "orders": 1}

    def test_without_an_order_there_is_no_receipt(self) -> None:
        """A task that fails raises its error in the test."""
        result = send_receipt.enqueue(7)
        with self.assertRaisesMessage(Order.DoesNotExist, "Order matching query does not exist"):
            self.monarq_sync.drain()
        result.refresh()
        assert result.status == "FAILED"
