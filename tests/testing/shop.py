"""Jobs of an application, as its own modules declare them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from monarq import Producer, SyncProducer, cron, job

SENT: list[str] = []


@dataclass
class Order:
    """What somebody has bought."""

    number: int
    total: Decimal


@job(queue="mail")
async def send(to: str, cc: str = "") -> str:
    """Sends a mail."""
    SENT.append(to)
    return f"sent to {to}"


@job
async def charge_order(order: Order, at: datetime | None = None) -> Decimal:
    """Charges for an order."""
    return order.total


@job
def thumbnail(width: int) -> int:
    """A cpu job."""
    return width // 2


@job(lane="thread")
def export(path: str) -> str:
    """A thread job."""
    return path.upper()


@job
async def clean_up() -> None:
    """Runs at night."""
    SENT.append("cleaned up")


nightly = cron(clean_up, "0 3 * * *")


async def signup(address: str) -> None:
    """Code of the application that enqueues."""
    async with Producer() as producer:
        await producer.enqueue(send, address)


def signup_sync(address: str) -> None:
    """The same, blocking."""
    with SyncProducer() as producer:
        producer.enqueue(send, address)
