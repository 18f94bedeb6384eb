"""The lease renewer: a heartbeat thread renews a worker's leases, and runs whose leases have expired are cancelled.

A blocked event loop, or a cpu job that keeps all cores busy, does not stop the thread; only code that never releases
the GIL does. It reports lost leases to the loop, which cancels their runs. If Redis cannot be asked, because the worker
is cut off or was frozen, `LeaseExpiry` cancels them: other workers run its jobs once the leases have expired by Redis'
clock, which is never before they have expired by this machine's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.worker_queue import WorkerSession
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.cluster.node_pools import NodePools
from monarq.shared.redis.connection import RedisSource
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.leases.table import LeaseTable
from monarq.workers.runs.run import ActiveRun, CancelReason
from monarq.workers.system.forks import FORK_GUARD

_MIN_SLEEP_S = 0.001


class LeaseRenewer:
    """Renews all leases every third of the lease time, and with them the worker's record.

    1. start: write the record at once, so that the worker is visible before its first job.
    2. Renew every third of the lease time; if Redis does not answer, retry soon.
    3. Report lost leases to the loop.
    4. stop: the thread ends; the caller deregisters the worker.

    Args:
        sessions: the worker's sessions.
        table: the leases that it holds.
        lease_s: the lease time.
        source: creates the thread's own client.
        record: returns the worker's record, which monitors read.
        on_lost: called on the loop with leases that are lost.
        events: notified of outages.
    """

    def __init__(
        self,
        *,
        sessions: Sequence[WorkerSession],
        table: LeaseTable,
        lease_s: float,
        source: RedisSource,
        record: Callable[[], bytes],
        on_lost: Callable[[list[Lease]], None],
        events: Dispatcher,
    ) -> None:
        self._sessions = sessions
        self._table = table
        self._lease_s = lease_s
        self._source = source
        self._record = record
        self._on_lost = on_lost
        self._events = events
        self._stopped = threading.Event()
        self._renewed_at_s = time.monotonic()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: Any = None

    def start(self) -> None:
        """Starts the thread; lost leases are reported to the running loop."""
        self._loop = asyncio.get_running_loop()
        in_context = copy_context().run  # so that its log lines name the worker
        threading.Thread(target=in_context, args=(self._run,), name="monarq-leases", daemon=True).start()

    @property
    def renewed_s(self) -> float:
        """Seconds since the last complete renewal; at first, since the renewer was created."""
        return time.monotonic() - self._renewed_at_s

    def filenos(self) -> list[int]:
        """The descriptors of its connections; see `monarq.workers.system.forks`."""
        pool = self._connections
        pools = pool.all if isinstance(pool, NodePools) else [pool]
        names = ("_available_connections", "_in_use_connections")
        made = [connection for each in pools for name in names for connection in getattr(each, name, ())]
        sockets = [getattr(connection, "_sock", None) for connection in made]
        return [socket.fileno() for socket in sockets if socket is not None]

    async def stop(self) -> None:
        """Ends the thread; safe to call twice, or without start."""
        self._stopped.set()
        if self._loop is not None:
            # Do not join it in one of asyncio's own threads: jobs may occupy all of them forever.
            await self._ended.wait()

    def _run(self) -> None:
        try:
            self._renew_until_stopped()
        finally:
            self._call_on_loop(self._ended.set)

    def _renew_until_stopped(self) -> None:
        redis = self._source.blocking_client()
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
                        self._call_on_loop(self._events.redis_back, "renewing the leases")
                    wait_s = self._lease_s / 3
                except Exception as error:  # noqa: BLE001 - even MemoryError: a live worker must renew
                    if not backoff.failing:
                        self._events.lease_renewal_failed(error)
                    redis.connection_pool.disconnect()  # after a failover, the name may resolve to another server
                    wait_s = backoff.next_s()
                self._stopped.wait(wait_s)
        finally:
            redis.close()

    def _call_on_loop(self, callback: Callable[..., None], *args: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits for it
                self._loop.call_soon_threadsafe(callback, *args)

    def _renew_all(self, redis: Any) -> None:
        record = self._record()
        for session in self._sessions:
            session.renew(redis, record, self._report_lost)

    def _report_lost(self, lost: list[Lease]) -> None:
        self._call_on_loop(self._on_lost, lost)


class LeaseExpiry:
    """Cancels the runs whose leases have expired by this machine's clock."""

    def __init__(self, *, running: Mapping[Lease, ActiveRun], table: LeaseTable, lease_s: float) -> None:
        self._running = running
        self._table = table
        # A lease claimed during a sleep expires after it, however long the claim's reply took.
        self._max_sleep_s = lease_s / 6

    async def run(self) -> None:
        """Watches the leases until cancelled."""
        while True:
            wait_s = self._cancel_expired(time.monotonic())
            await asyncio.sleep(wait_s)

    def _cancel_expired(self, now_s: float) -> float:
        """Cancels the runs without a lease, and returns the seconds until the next check."""
        next_s = now_s + self._max_sleep_s
        for lease, run in list(self._running.items()):
            if lease.ends_s > now_s:
                next_s = min(next_s, lease.ends_s)
            elif self._table.holds(lease):
                self._table.remove(lease)
                run.cancel(CancelReason.LOST)
        return max(next_s - now_s, _MIN_SLEEP_S)
