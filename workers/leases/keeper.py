"""Which jobs this worker holds, and who keeps its leases: a thread of its own.

A blocked event loop, or a cpu job that keeps all cores busy, does not stop the thread; only code that never lets go
of the interpreter does. What is lost is told to the loop, which cancels that run.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.workers.renew import BATCH, renew
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.system.forks import FORK_GUARD


class LeaseTable:
    """The leases that a worker holds: put in when claimed, taken out when the end of the run is acknowledged."""

    def __init__(self, queues: Sequence[QueueKeys]) -> None:
        self._held: dict[str, dict[bytes, Lease]] = {keys.queue: {} for keys in queues}

    def add(self, lease: Lease) -> None:
        """The lease is this worker's now."""
        self._held[lease.queue.queue][lease.raw_id] = lease

    def drop(self, lease: Lease) -> None:
        """The lease is over, or lost; a newer one of the same job stays."""
        held = self._held[lease.queue.queue]
        if held.get(lease.raw_id) is lease:
            del held[lease.raw_id]

    def find(self, queue: str, raw_id: bytes) -> Lease | None:
        """The lease of a job, where it is held."""
        return self._held[queue].get(raw_id)

    def holds(self, lease: Lease) -> bool:
        """Whether this very lease is held: the job's end is not acknowledged yet."""
        return self.find(lease.queue.queue, lease.raw_id) is lease

    def of(self, queue: str) -> list[Lease]:
        """The leases of a queue at this moment; safe to call from any thread, as copying a dict is one step."""
        return list(self._held[queue].values())

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))


class LeaseKeeper:
    """Renews every lease each third of its time, and the worker's record with it.

    1. start: write the record at once, so that the worker is seen before its first job.
    2. run: renew each third of the lease; where Redis does not answer, ask again soon.
    3. tell the loop of leases that are lost.
    4. stop: the thread ends; the caller retires the worker.
    """

    def __init__(
        self,
        *,
        worker_id: str,
        queues: Sequence[QueueKeys],
        table: LeaseTable,
        lease_s: float,
        open_redis: Callable[[], Any],
        record: Callable[[], bytes],
        on_lost: Callable[[list[Lease]], None],
        events: Dispatcher,
    ) -> None:
        self._worker_id = worker_id
        self._queues = queues
        self._table = table
        self._lease_s = lease_s
        self._open_redis = open_redis
        self._record = record
        self._on_lost = on_lost
        self._events = events
        self._stopped = threading.Event()
        self._renewed_at_s = time.monotonic()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: Any = None

    def start(self) -> None:
        """Starts the thread; the running loop is told of lost leases."""
        self._loop = asyncio.get_running_loop()
        in_context = copy_context().run  # its log lines are to name the worker
        threading.Thread(target=in_context, args=(self._run,), name="monarq-leases", daemon=True).start()

    @property
    def renewed_s(self) -> float:
        """Seconds since Redis last took everything; at first, since the keeper was made."""
        return time.monotonic() - self._renewed_at_s

    def filenos(self) -> list[int]:
        """The descriptors of its connections: see `monarq.workers.system.forks`."""
        pool = self._connections
        made = [*getattr(pool, "_available_connections", ()), *getattr(pool, "_in_use_connections", ())]
        sockets = [getattr(connection, "_sock", None) for connection in made]
        return [socket.fileno() for socket in sockets if socket is not None]

    async def stop(self) -> None:
        """Ends the thread; safe to call twice, or without start."""
        self._stopped.set()
        if self._loop is not None:
            # Not by joining it in one of asyncio's own threads: jobs may have taken all of them, for good.
            await self._ended.wait()

    def _run(self) -> None:
        try:
            self._keep()
        finally:
            self._tell_loop(self._ended.set)

    def _keep(self) -> None:
        redis = self._open_redis()
        self._connections = redis.connection_pool
        FORK_GUARD.close_in_forks(self)
        backoff = Backoff(0.1, min(1.0, self._lease_s / 6))
        try:
            while not self._stopped.is_set():
                try:
                    self._renew_all(redis)
                    self._renewed_at_s = time.monotonic()
                    if backoff.failing:
                        backoff.reset()
                        self._tell_loop(self._events.redis_back, "renewing the leases")
                    wait_s = self._lease_s / 3
                except Exception as error:  # noqa: BLE001 - memory may fail too; a worker that lives must renew
                    if not backoff.failing:
                        self._events.renewal_failed(error)
                    redis.connection_pool.disconnect()  # after a failover the name may lead to another server
                    wait_s = backoff.next_s()
                self._stopped.wait(wait_s)
        finally:
            redis.close()

    def _tell_loop(self, tell: Callable[..., None], *told: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(tell, *told)

    def _renew_all(self, redis: Any) -> None:
        record = self._record()
        for keys in self._queues:
            leases = self._table.of(keys.queue)
            for at in range(0, max(1, len(leases)), BATCH):
                batch = leases[at : at + BATCH]
                ends_s = time.monotonic() + self._lease_s
                lost = set(renew(redis, keys, self._worker_id, round(self._lease_s * 1000), record, batch))
                for lease in batch:
                    lease.ends_s = ends_s
                if lost:
                    # The leases themselves, not the ids: the worker may hold a newer lease of the same job by now.
                    self._tell_loop(self._on_lost, [each for each in batch if each.raw_id in lost])
