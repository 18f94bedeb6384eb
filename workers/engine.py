"""A worker: everything that runs jobs in one process, put together here and nowhere else.

Start: connection, lanes, start-up hook, lease keeper, acker, then the claimers, so that no job is claimed that could
not be run, kept or acknowledged. Stop: claimers first, so that no new job comes; then the running jobs get their
time and the rest is handed back; then the acker has sent everything, while the leases are still kept; then the lease
keeper, the worker's record, the shut-down hook, the lanes and the connection.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.producer.wire import Wire, private_pool
from monarq.shared.backoff import Backoff
from monarq.shared.commands.claim import Lease
from monarq.shared.commands.repair import retire
from monarq.shared.connection import SOCKET_TIMEOUT_S, RedisSource, check_redis
from monarq.shared.errors import RedisUnavailableError
from monarq.shared.keys import QueueKeys
from monarq.shared.lane import Home
from monarq.workers.aborter import Aborter
from monarq.workers.acker import Acker
from monarq.workers.admission import Admission
from monarq.workers.audit import audit_redis
from monarq.workers.burst import Burst
from monarq.workers.claimer import Claimer
from monarq.workers.draining import Drain, end_tasks
from monarq.workers.journal import Journal
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.lease_clock import LeaseClock
from monarq.workers.leases import LeaseKeeper, LeaseTable
from monarq.workers.progress import Reporter
from monarq.workers.pulse import Pulse
from monarq.workers.record import write_record
from monarq.workers.registry import register
from monarq.workers.results import Results
from monarq.workers.run import Halt, Run
from monarq.workers.runner import Runner, wall_ms
from monarq.workers.running import WORKER_ID
from monarq.workers.settings import WorkerSettings
from monarq.workers.slots import Slots
from monarq.workers.sweeper import Sweeper
from monarq.workers.tally import Tally
from monarq.workers.traces import tracing
from monarq.workers.upkeep import Upkeep
from monarq.workers.vitals import Vitals

LAST_WORDS_S: Final = 5.0
"""How long the last acknowledgements may take when Redis does not answer; the leases' ends do the rest."""


PATIENCE_S: Final = 10.0
"""How long a worker that is started again waits for a Redis that is away: to start anew would take longer."""

_ALL: Final = 1000
"""Connections are as many as parts of the worker speak at once; no part waits for another's."""


class Engine:
    """One worker.

    Attributes:
        worker_id: its name in Redis: host, process id and a random part.
        settings: what it goes by.
        jobs: the jobs that it can run, by name.
        ctx: the dict that hooks and arq's jobs get.
        paused: claims nothing while it is set.
        restarts: how often the worker of its place in the pool has ended by itself or was killed, and was replaced.
    """

    def __init__(
        self,
        functions: Iterable[object],
        settings: WorkerSettings,
        source: RedisSource,
        *,
        journal: Journal | None = None,
        upkeep: Iterable[Upkeep] = (),
        ctx: dict[Any, Any] | None = None,
    ) -> None:
        """Puts a worker together; nothing is connected or started.

        Args:
            functions: see `monarq.workers.registry.register`.
            settings: what to go by.
            source: where connections come from.
            journal: who hears of what happens. Default: the listeners of the settings.
            upkeep: what else runs beside the jobs, cron for instance.
            ctx: the dict for hooks and arq's jobs.
        """
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.settings = settings
        self.jobs = register(functions, settings)
        self.ctx = {} if ctx is None else ctx
        self.source = source
        self.paused = False
        self.restarts = 0
        self._journal = journal or Journal(*settings.listeners)
        self._upkeep = list(upkeep)
        self._keys = [QueueKeys.of(queue) for queue in settings.queues]
        self._table = LeaseTable(self._keys)
        self._tally = Tally()
        self._vitals = Vitals()
        self._started_ms = wall_ms()
        self._stopping = asyncio.Event()
        self._hand_back = asyncio.Event()
        self._quiet = asyncio.Event()
        self._runner: Runner | None = None
        self._keeper: LeaseKeeper | None = None
        self._claimers: list[Claimer] = []

    @property
    def tally(self) -> Tally:
        """What the worker has done so far."""
        return self._tally

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._runner.running) if self._runner else 0

    @property
    def runs(self) -> list[Run]:
        """The runs that have not ended."""
        return list(self._runner.running.values()) if self._runner else []

    def rest(self) -> None:
        """Claims nothing more, and goes on with what it has."""
        self.paused = True

    def drain(self) -> None:
        """Claims nothing more and lets `run` end when the running jobs have, or their grace is over."""
        self._stopping.set()

    def hand_back(self) -> None:
        """Gives all running jobs back now and lets `run` end."""
        self._stopping.set()
        self._hand_back.set()

    async def run(self) -> None:
        """Runs jobs until `drain` or `hand_back` is called, or in burst mode until none is left.

        Raises:
            RedisUnavailableError: Redis could not be reached at the start; later that only makes the worker wait.
            Exception: what the start-up hook raised.
        """
        WORKER_ID.set(self.worker_id)
        redis = Wire(
            private_pool(self.source.client()), shown=self.source.shown, timeout_s=SOCKET_TIMEOUT_S, connections=_ALL
        )
        try:
            await self._reach(redis)
            await audit_redis(redis, self.source.shown, self._journal, tells=self.settings.audit)
            await self._run_with(redis)
        finally:
            await redis.hang_up()

    async def _reach(self, redis: Redis) -> None:
        """Redis answers when this returns. Only a worker that takes the place of another waits for that.

        Raises:
            RedisUnavailableError: it does not answer.
        """
        until_s = time.monotonic() + (PATIENCE_S if self.restarts else 0.0)
        backoff = Backoff()
        while True:
            try:
                return await check_redis(redis, self.source.shown)
            except RedisUnavailableError:
                if self._stopping.is_set() or time.monotonic() >= until_s:
                    raise
            await asyncio.sleep(backoff.next_s())

    async def _run_with(self, redis: Redis) -> None:
        lanes = Lanes(self.jobs, self.settings, self._tally, self.worker_id)
        await lanes.start()
        try:
            if self.settings.hooks.startup:
                await self.settings.hooks.startup(self.ctx)
            try:
                # After the hook, in which a program may set its traces up.
                with tracing(self._journal, self.worker_id):
                    await self._serve(redis, lanes)
            finally:
                if self.settings.hooks.shutdown:
                    await self.settings.hooks.shutdown(self.ctx)
        finally:
            await lanes.stop()

    async def _serve(self, redis: Redis, lanes: Lanes) -> None:
        acker = Acker(
            redis=redis,
            worker_id=self.worker_id,
            table=self._table,
            max_dead=self.settings.max_dead,
            journal=self._journal,
            on_settled=self._quiet.set,
        )
        reporter = Reporter(redis=redis, worker_id=self.worker_id, journal=self._journal)
        keeper = self._keeper = self._make_keeper()
        io_slots, cpu_slots = Slots(self.settings.concurrency), Slots(1 if lanes.has_cpu else 0)
        self._runner = Runner(
            settings=self.settings,
            admission=Admission(self.jobs, self.settings),
            lanes=lanes,
            io_slots=io_slots,
            cpu_slots=cpu_slots,
            table=self._table,
            acker=acker,
            results=Results(self.worker_id, self.settings),
            reporter=reporter,
            journal=self._journal,
            state=self.ctx,
            tally=self._tally,
            on_ended=self._quiet.set,
        )
        drain = Drain(self._runner, grace_s=self.settings.grace_s, hand_back=self._hand_back, journal=self._journal)
        self._vitals.start(lambda: lanes.child_pid)
        keeper.start()
        sending = asyncio.create_task(acker.run())
        claimers = self._claimers = self._make_claimers(redis, io_slots, cpu_slots, lanes.has_cpu)
        parts = [asyncio.create_task(claimer.run()) for claimer in claimers]
        beside = [asyncio.create_task(part.run(redis)) for part in self._upkeep]
        beside.append(asyncio.create_task(reporter.run()))
        clock = LeaseClock(running=self._runner.running, table=self._table, lease_s=self.settings.lease_s)
        beside.append(asyncio.create_task(clock.run()))
        sweeper = Sweeper(redis=redis, queues=self._keys, lease_s=self.settings.lease_s, journal=self._journal)
        beside.append(asyncio.create_task(sweeper.run()))
        if self.settings.allow_abort:
            aborter = Aborter(redis=redis, running=self._runner.running, journal=self._journal)
            beside.append(asyncio.create_task(aborter.run()))
        self._journal.worker_started(self.worker_id, list(self.settings.queues), sorted(self.jobs))
        try:
            await self._until_stopped(redis, [*parts, *beside, sending])
        finally:
            await end_tasks(parts)
            await drain.end_runs()
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    for claimer in claimers:
                        await claimer.settle()
                    await acker.flush()
            await end_tasks([*beside, sending])
            await keeper.stop()
            self._vitals.stop()
            await self._retire(redis)
            self._journal.worker_stopped(self.worker_id)

    def _make_keeper(self) -> LeaseKeeper:
        return LeaseKeeper(
            worker_id=self.worker_id,
            queues=self._keys,
            table=self._table,
            lease_s=self.settings.lease_s,
            open_redis=self.source.blocking_client,
            record=self.record,
            on_lost=self._on_lost,
            journal=self._journal,
        )

    def _make_claimers(self, redis: Redis, io_slots: Slots, cpu_slots: Slots, has_cpu: bool) -> list[Claimer]:
        assert self._runner is not None
        homes: list[tuple[Home, Slots]] = [("io", io_slots), ("cpu", cpu_slots)]
        if not has_cpu:
            homes.pop()
        return [
            Claimer(
                redis=redis,
                worker_id=self.worker_id,
                keys=keys,
                home=home,
                slots=slots,
                settings=self.settings,
                start=self._runner.start,
                is_held=self._table.holds,
                on_empty=self._quiet.set,
                may_start=self._may_start,
                journal=self._journal,
            )
            for keys in self._keys
            for home, slots in homes
        ]

    def _may_start(self) -> int | None:
        """How many jobs may be claimed yet, while paused and in burst mode; None for as many as there are places."""
        if self.paused:
            return 0
        if not self.settings.burst or self.settings.max_burst_jobs < 0:
            return None
        return max(0, self.settings.max_burst_jobs - self._tally.started)

    async def _until_stopped(self, redis: Redis, parts: list[asyncio.Task[None]]) -> None:
        """Until a stop is asked for, a burst is done, or a part has failed, which then raises here."""
        waits = [asyncio.create_task(self._stopping.wait()), *parts]
        if self.settings.burst:
            burst = Burst(
                queues=self._keys,
                table=self._table,
                quiet=self._quiet,
                running=lambda: self.running,
                may_start=self._may_start,
            )
            waits.append(asyncio.create_task(burst.until_done(redis)))
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await end_tasks([task for task in waits if task not in parts])
        for task in done:
            if not task.cancelled():
                task.result()

    def _on_lost(self, leases: list[Lease]) -> None:
        """Leases are somebody else's: their runs are cancelled, and nothing of them is written."""
        assert self._runner is not None
        for lease in leases:
            if not self._table.holds(lease):
                continue
            self._table.drop(lease)
            run = self._runner.running.get(lease)
            if run is not None:
                run.stop(Halt.LOST)

    async def _retire(self, redis: Redis) -> None:
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                for keys in self._keys:
                    await retire(redis, keys, self.worker_id)

    def pulse(self) -> Pulse:
        """How the worker stands, as its supervisor hears each second; called on its event loop."""
        return Pulse(
            running=self.running,
            started=self._tally.started,
            lag_s=round(max(0.0, self._vitals.lag.take("beat")), 3),
            renewed_s=round(self._keeper.renewed_s, 3) if self._keeper else 0.0,
            hungry=[claimer.hunger() for claimer in self._claimers],
        )

    def record(self) -> bytes:
        """The worker's record, as monitors read it; called by the lease thread."""
        return write_record(
            self.worker_id,
            self.settings,
            tally=self._tally,
            runs=self.runs,
            measured=self._vitals.measure(),
            started_ms=self._started_ms,
            restarts=self.restarts,
            draining=self._stopping.is_set(),
        )
