"""One turn of service of a worker, from its connection to its last word: what starts when, and what stops when.

Start: connection, lanes, start-up hook, lease keeper, acker, then the claimers, so that no job is claimed that could
not be run, kept or acknowledged. Stop: claimers first, so that no new job comes; then the running jobs get their
time and the rest is handed back; then the acker has sent everything, while the leases are still kept; then the lease
keeper, the worker's record, the shut-down hook, the lanes and the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.commands.workers.recover import retire
from monarq.shared.redis.client import Wire
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.private_pool import PrivatePool
from monarq.workers.jobs.burst import Burst
from monarq.workers.jobs.draining import Drain, end_tasks
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.process.components import Components, Dependencies
from monarq.workers.process.preflight import check_redis, wait_for_redis
from monarq.workers.reporting.log_setup import let_speak
from monarq.workers.reporting.process_stats import ProcessSampler
from monarq.workers.reporting.traces import tracing
from monarq.workers.system.forks import FORK_GUARD
from monarq.workers.system.job_processes import JobProcesses

LAST_WORDS_S: Final = 5.0
"""How long the last acknowledgements may take when Redis does not answer; the leases' ends do the rest."""

_ALL: Final = 1000
"""Connections are as many as parts of the worker speak at once; no part waits for another's."""


class BackgroundTask(Protocol):
    """A part of a worker that runs beside its jobs, from its start to its stop."""

    async def run(self, redis: Redis) -> None:
        """Runs until cancelled; must survive every Redis error."""
        ...


class WorkerLifecycle:
    """Starts the parts of a worker, waits until it is to stop, and stops them.

    Args:
        dependencies: what the worker goes by.
        background: what runs beside its jobs.
        sampler: measures its process.
        stopping: set where it is to stop.
        hand_back: set where its runs are to be handed back at once.

    Attributes:
        components: the worker's parts; None until the start-up hook has run.
        owns_process: whether this process is for the worker alone, so that it may end what runs here beside it.
        cut_short: whether runs were stopped before their end.
        is_over: whether every job has ended or is handed back.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        *,
        background: Iterable[BackgroundTask],
        sampler: ProcessSampler,
        stopping: asyncio.Event,
        hand_back: asyncio.Event,
    ) -> None:
        self._dependencies = dependencies
        self._background = list(background)
        self._sampler = sampler
        self._stopping = stopping
        self._hand_back = hand_back
        self.components: Components | None = None
        self.owns_process = False
        self.cut_short = False
        self._processes: JobProcesses | None = None
        self.is_over = False

    async def run(self) -> None:
        """Serves until it is to stop, or in burst mode until no job is left.

        Raises:
            RedisUnavailableError: Redis did not let us in at the start, is too old, or was away for too long; later
                that only makes the worker wait.
            Exception: what the start-up hook raised.
        """
        source = self._dependencies.source
        pool = PrivatePool.like(source.client())
        redis = Wire(pool, shown=source.shown, timeout_s=SOCKET_TIMEOUT_S, connections=_ALL)
        FORK_GUARD.close_in_forks(redis)
        try:
            if await wait_for_redis(
                redis, source.shown, self._dependencies.events, self._dependencies.settings, self._stopping
            ):
                await check_redis(
                    redis, source.shown, self._dependencies.events, tells=self._dependencies.settings.audit
                )
                await self._run_with(redis)
        finally:
            await redis.hang_up()

    async def _run_with(self, redis: Redis) -> None:
        dependencies, hooks = self._dependencies, self._dependencies.settings.hooks
        lanes = Lanes(dependencies.jobs, dependencies.settings, dependencies.counters, dependencies.worker_id)
        try:
            await lanes.start()
            if hooks.startup:
                await hooks.startup(dependencies.ctx)
                if dependencies.settings.log is not None:
                    let_speak()
            if self.owns_process:
                self._processes = JobProcesses(lanes.child_pids)
            try:
                # After the hook, in which a program may set its traces up.
                with tracing(dependencies.events, dependencies.worker_id):
                    await self._serve(redis, lanes)
                self.is_over = True
            finally:
                try:
                    if hooks.shutdown:
                        await hooks.shutdown(dependencies.ctx)
                finally:
                    if self.cut_short and self._processes:
                        self._processes.kill_all()
        finally:
            await lanes.stop()

    async def _serve(self, redis: Redis, lanes: Lanes) -> None:
        dependencies = self._dependencies
        components = self.components = Components(dependencies, redis, lanes)
        drain = Drain(
            components.runner,
            grace_s=dependencies.settings.grace_s,
            hand_back=self._hand_back,
            events=dependencies.events,
            processes=self._processes,
        )
        self._sampler.start(lambda: lanes.child_pid)
        components.keeper.start()
        sending = asyncio.create_task(components.acker.run())
        claiming = [asyncio.create_task(claimer.run()) for claimer in components.claimers]
        beside = [asyncio.create_task(part.run(redis)) for part in self._background]
        beside += [asyncio.create_task(part.run()) for part in components.make_others()]
        dependencies.events.worker_started(
            dependencies.worker_id, list(dependencies.settings.queues), sorted(dependencies.jobs)
        )
        try:
            await self._until_stopped(redis, components, [*claiming, *beside, sending])
        finally:
            async with AsyncExitStack() as ending:  # the last first; also where what comes before it is cancelled
                ending.callback(self._sampler.stop)
                ending.push_async_callback(components.keeper.stop)
                ending.push_async_callback(end_tasks, [*claiming, *beside, sending])
                await end_tasks(claiming)
                await drain.end_runs()
                self.cut_short = drain.cut_short
                await _say_last_words(components)
            await self._retire(redis, components)
            dependencies.events.worker_stopped(dependencies.worker_id)

    async def _until_stopped(self, redis: Redis, components: Components, parts: list[asyncio.Task[None]]) -> None:
        """Until a stop is asked for, a burst is done, or a part has failed, which then raises here."""
        waits = [asyncio.create_task(self._stopping.wait()), *parts]
        if self._dependencies.settings.burst:
            burst = Burst(
                queues=components.queues,
                table=components.table,
                quiet=components.quiet,
                running=lambda: len(components.runner.running),
                may_start=self._dependencies.may_start,
                put_back=components.unknown.left,
            )
            waits.append(asyncio.create_task(burst.until_done(redis)))
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await end_tasks([task for task in waits if task not in parts])
        for task in done:
            if not task.cancelled():
                task.result()

    async def _retire(self, redis: Redis, components: Components) -> None:
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                for keys in components.queues:
                    await retire(redis, keys, self._dependencies.worker_id)


async def _say_last_words(components: Components) -> None:
    with suppress(RedisError, OSError, TimeoutError):
        async with asyncio.timeout(LAST_WORDS_S):
            for claimer in components.claimers:
                await claimer.settle()
            await components.acker.flush()
