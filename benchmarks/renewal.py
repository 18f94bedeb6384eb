"""What a renewal of a worker's leases costs, by the number of jobs that it holds: `python -m benchmarks.renewal`.

A session of either format claims and renews the leases, as in a worker's lease thread, without running jobs. Redis'
processor time is that of its main thread; with ``--instructions``, valgrind counts that thread's instructions.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import click
import redis
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.floor import open_client
from benchmarks.formats import Server, counted_server, timed_server
from benchmarks.measuring.meter import Meter
from benchmarks.measuring.steps import steps_of
from monarq.shared.formats.choice.sessions import open_sessions
from monarq.shared.protocol.queue_ref import FORMATS, Format, QueueRef
from monarq.shared.protocol.worker_queue import WorkerSession, WorkerTerms
from monarq.shared.redis.client import RedisClient
from monarq.workers.leases.table import LeaseTable

HELD: Final = (1, 100, 10_000)
RECORD: Final = b"{}"
"""The worker's record, sent with each renewal; a real one lists at most fifty running jobs."""

_ENQUEUED_A_CALL: Final = 500
_CLAIMED_A_CALL: Final = 1000


@dataclass(frozen=True, slots=True)
class Cost:
    """The mean cost of a renewal.

    Attributes:
        queue_format: the format of the queue.
        held: how many jobs the worker holds.
        bytes_in: bytes sent to Redis.
        commands: commands, including those called by scripts.
        redis_spent: the cost of Redis' main thread, in the server's unit.
        worker_us: processor time of the renewing thread, in µs.
    """

    queue_format: Format
    held: int
    bytes_in: float
    commands: float
    redis_spent: float
    worker_us: float


async def measure(server: Server, queue_format: Format, held: int, renewals: int) -> Cost:
    """Measures the cost of renewing this many leases."""
    meter, client = Meter(server.url), open_client(server.url)
    meter.clear()
    ref = QueueRef("bench" if queue_format == "native" else "arq:queue", queue_format)
    table = LeaseTable([ref])
    terms = WorkerTerms(
        worker_id="bench:1:00", lease_s=600.0, max_payload=8_000_000, last_chance=2, max_dead=10, lanes={}
    )
    (session,) = open_sessions([ref], terms, table.of_queue, _lost)
    await _hold(session, table, client, queue_format, held)
    blocking = redis.Redis.from_url(server.url)
    session.renew(blocking, RECORD, _lost)  # the first renewal also registers the queues
    try:
        before, spent, thread_s = meter.read(), server.spent(), time.thread_time()
        for _ in range(renewals):
            session.renew(blocking, RECORD, _lost)
        thread_s, spent, used = time.thread_time() - thread_s, server.spent() - spent, meter.read() - before
    finally:
        blocking.close()
        await client.aclose()
    return Cost(
        queue_format,
        held,
        used.bytes_in / renewals,
        used.calls / renewals,
        spent / renewals,
        thread_s / renewals * 1e6,
    )


async def _hold(
    session: WorkerSession, table: LeaseTable, client: RedisClient, queue_format: Format, held: int
) -> None:
    steps = steps_of(queue_format, client)
    for at in range(0, held, _ENQUEUED_A_CALL):
        await steps.enqueue(min(_ENQUEUED_A_CALL, held - at))
    while len(table) < held:
        claimed = await session.queues[0].claim(client, "io", min(_CLAIMED_A_CALL, held - len(table)))
        for lease in claimed.leases:
            table.add(lease)


def _lost(leases: Any) -> None:
    raise RuntimeError(f"{len(leases)} leases are lost")


@click.command()
@click.option("--renewals", type=click.IntRange(1), default=200, show_default=True, help="How many to measure.")
@click.option("--instructions", is_flag=True, help="Count instructions under valgrind.")
def main(renewals: int, instructions: bool) -> None:
    """Measure what a renewal costs, by the number of jobs held."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    with counted_server() if instructions else timed_server() as server:
        for heading in ("", "jobs", "bytes sent", "commands", f"Redis {server.unit}", "worker µs"):
            table.add_column(heading, justify="right" if heading else "left")
        for queue_format in FORMATS:
            for held in HELD:
                cost = uvloop.run(measure(server, queue_format, held, renewals))
                numbers = (cost.bytes_in, cost.commands, cost.redis_spent, cost.worker_us)
                table.add_row(queue_format, f"{held:,}", *(f"{number:,.0f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    main()
