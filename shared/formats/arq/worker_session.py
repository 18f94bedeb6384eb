"""A worker's session with queues in arq's format: leases, cancellations, and the worker's own state in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs.cancel import find_cancels, is_cancel_of
from monarq.shared.formats.arq.worker_queue import ArqWorkerQueue
from monarq.shared.formats.arq.workers.recover import deregister, sweep
from monarq.shared.formats.arq.workers.renew import BATCH, renew
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms


class ArqWorkerSession:
    """The session; see `monarq.shared.protocol.worker_queue.WorkerSession`."""

    def __init__(
        self,
        queues: Sequence[str],
        terms: WorkerTerms,
        leases_of: Callable[[QueueRef], list[Lease]],
        on_lost: Callable[[list[Lease]], None],
    ) -> None:
        """Opens the session; `on_lost` is never called, as only renewals detect lost leases."""
        self.queues = [ArqWorkerQueue(name, terms) for name in queues]
        self._leases_of = leases_of
        self._worker_id = terms.worker_id
        self._lease_s = terms.lease_s

    @property
    def format(self) -> Format:
        """The format of its queues."""
        return "arq"

    def poll_s(self, wanted_s: float, lane_queues: int) -> float:
        """As often as wanted, as arq's clients do not wake workers."""
        return wanted_s

    async def run(self, redis: Redis) -> None:
        """Does nothing: workers poll for everything."""
        await asyncio.Event().wait()

    def renew(self, redis: Any, record: bytes, on_lost: Callable[[list[Lease]], None]) -> None:
        """Renews every lease individually, and writes the worker's record to each queue."""
        for queue in self.queues:
            leases = self._leases_of(queue.ref)
            for at in range(0, max(1, len(leases)), BATCH):
                batch = leases[at : at + BATCH]
                ends_s = time.monotonic() + self._lease_s
                lost = set(renew(redis, queue.keys, self._worker_id, round(self._lease_s * 1000), record, batch))
                for lease in batch:
                    lease.ends_s = ends_s
                if lost:
                    # Pass the leases, not the ids: by now the worker may hold a newer lease of the same job.
                    on_lost([each for each in batch if each.raw_id in lost])

    async def find_cancels(self, redis: Redis, running: Sequence[tuple[Lease, Payload]]) -> list[Lease]:
        """Those of these running jobs whose cancellation was requested. One set has the requests of all queues."""
        by_id = {lease.raw_id: (lease, payload) for lease, payload in running}
        asked = [(*by_id[raw_id], asked_ms) for raw_id, asked_ms in await find_cancels(redis, list(by_id))]
        return [lease for lease, payload, asked_ms in asked if is_cancel_of(asked_ms, payload)]

    async def sweep(self, redis: Redis) -> None:
        """Returns the jobs of silent workers to their queues."""
        for queue in self.queues:
            await sweep(redis, queue.keys)

    async def refuse_wake_ups(self, redis: Redis) -> None:
        """Does nothing: an unused wake-up stays for the next worker that waits."""

    async def deregister(self, redis: Redis) -> None:
        """Removes the worker from the lists."""
        for queue in self.queues:
            await deregister(redis, queue.keys, self._worker_id)
