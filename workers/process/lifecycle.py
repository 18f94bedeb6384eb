"""The lifecycle of a worker: the order in which its components start and stop.

Start: connection, preflight, lanes, start-up hook, lease renewer, acker, then the claimers, so that no job is claimed
that could not be run, kept or acknowledged. Stop: claimers first, so that no more jobs are claimed; then the running
jobs get their grace period and the rest is handed back; then the acker sends what is left while the leases are still
renewed; then the lease renewer, the worker's record, the shut-down hook, the lanes and the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from operator import attrgetter
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.choice.shards import set_shards
from monarq.shared.protocol.cluster_check import check_queue
from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.private_client import private_client
from monarq.shared.redis.servers import visit_servers
from monarq.workers.jobs.burst import Burst
from monarq.workers.jobs.draining import Drain, end_tasks
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.process.components import Components, Dependencies
from monarq.workers.process.lifespans import open_resources
from monarq.workers.process.preflight import (
    check_pubsub,
    check_server,
    wait_for_redis,
    warn_of_namesakes,
    warn_of_paused,
)
from monarq.workers.reporting.log_setup import enable_own_loggers
from monarq.workers.reporting.process_stats import ProcessSampler
from monarq.workers.reporting.traces import tracing
from monarq.workers.system.forks import FORK_GUARD
from monarq.workers.system.job_processes import JobProcesses

LAST_FLUSH_S: Final = 5.0
"""How long the last acknowledgements may take if Redis does not answer; after that, the leases simply expire."""

_MAX_CONNECTIONS: Final = 1000
"""High enough for every component to have its own connection, so that none waits for another."""


class BackgroundTask(Protocol):
    """A part of a worker that runs alongside its jobs, from start to stop."""

    async def run(self, redis: Redis) -> None:
        """Runs until cancelled; must survive every Redis error."""
        ...


class WorkerLifecycle:
    """Starts the components of a worker, waits until it must stop, and stops them.

    Args:
        dependencies: what the components depend on.
        background: tasks that run alongside the worker's jobs.
        sampler: measures the worker's process.
        stopping: set when the worker must stop.
        hand_back: set when its runs must be handed back at once.

    Attributes:
        components: the worker's components; None until the start-up hook has returned.
        dedicated_process: whether this process runs only the worker, which then may kill processes of its jobs.
        interrupted_runs: whether runs were stopped early.
        is_drained: whether every job has ended or was handed back.
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
        self.dedicated_process = False
        self.interrupted_runs = False
        self._processes: JobProcesses | None = None
        self.is_drained = False

    async def run(self) -> None:
        """Runs the worker until it must stop, or in burst mode until no job is left.

        Raises:
            RedisUnavailableError: at startup, Redis refused the login, lacks a needed feature, or was unreachable for
                too long; later the worker waits for it.
            SettingsError: Redis cannot hold one of the queues, or has more shards of it than were declared.
            CpuCloseError: the app's `cpu_lifespan` raised an exception when it closed.
            Exception: raised by a lifespan, the start-up hook or the shut-down hook.
        """
        source, settings, events = self._dependencies.source, self._dependencies.settings, self._dependencies.events
        redis = private_client(
            source.client(), shown=source.shown, timeout_s=SOCKET_TIMEOUT_S, connections=_MAX_CONNECTIONS
        )
        FORK_GUARD.close_in_forks(redis)
        for queue in settings.queues:
            check_queue(redis, queue)
        try:
            if await wait_for_redis(redis, source.shown, events, settings, self._stopping):
                await check_server(redis, source.shown, events, warns=settings.preflight_warnings)
                await check_pubsub(redis, source.shown)
                for name, shards in settings.shards.items():
                    await set_shards(redis, name, shards)
                if settings.preflight_warnings:
                    await warn_of_namesakes(redis, settings.queues)
                    if not settings.burst:  # a burst warns at its end
                        await warn_of_paused(redis, settings.queues, ends=False)
                await self._run_with(redis)
        finally:
            await redis.aclose()

    async def _run_with(self, redis: Redis) -> None:
        dependencies, hooks = self._dependencies, self._dependencies.settings.hooks
        lanes = Lanes(
            dependencies.jobs,
            dependencies.settings,
            dependencies.counters,
            dependencies.worker_id,
            dependencies.source,
            dependencies.events.cpu_lifespan_cut_short,
        )
        try:
            await lanes.start()
            if hooks.startup:
                await hooks.startup(dependencies.ctx)
                if dependencies.settings.log is not None:
                    enable_own_loggers()
            if self.dedicated_process:
                self._processes = JobProcesses(lanes.child_pids)
            try:
                # After the hook, in which a program may set up its tracing.
                with tracing(dependencies.events, dependencies.worker_id):
                    async with open_resources(dependencies):
                        await self._serve(redis, lanes)
                        self.is_drained = True  # exceptions from now on come from the user's shut-down code
            finally:
                try:
                    if hooks.shutdown:
                        await hooks.shutdown(dependencies.ctx)
                finally:
                    if self.interrupted_runs and self._processes:
                        self._processes.kill_all()
        finally:
            await lanes.stop()
        lanes.check_closed()

    async def _serve(self, redis: Redis, lanes: Lanes) -> None:
        dependencies = self._dependencies
        components = self.components = Components(dependencies, redis, lanes)
        components.scope.enter()
        drain = Drain(
            components.runner,
            grace_s=dependencies.settings.grace_s,
            hand_back=self._hand_back,
            events=dependencies.events,
            processes=self._processes,
        )
        self._sampler.start(lambda: lanes.child_pid)
        components.renewer.start()
        sending = asyncio.create_task(components.acker.run())
        claiming = [asyncio.create_task(claimer.run()) for claimer in components.claimers]
        beside = [asyncio.create_task(part.run(redis)) for part in self._background]
        beside += [asyncio.create_task(part.run()) for part in components.make_background_tasks()]
        beside += [asyncio.create_task(session.run(redis)) for session in components.sessions]
        dependencies.events.worker_started(
            dependencies.worker_id, [queue.label for queue in dependencies.settings.queues], sorted(dependencies.jobs)
        )
        try:
            await self._until_stopped(redis, components, [*claiming, *beside, sending])
        finally:
            lanes.ask_to_stop()
            async with AsyncExitStack() as ending:  # runs the last callback first, and all even if one is cancelled
                ending.callback(self._sampler.stop)
                ending.push_async_callback(components.renewer.stop)
                ending.push_async_callback(end_tasks, [*claiming, *beside, sending])
                await end_tasks(claiming)
                await asyncio.gather(_end_claims(redis, components), drain.end_runs())
                self.interrupted_runs = drain.interrupted_runs
                await _flush(redis, components)
            await components.scope.close()
            await _deregister(redis, components)
            dependencies.events.worker_stopped(dependencies.worker_id)

    async def _until_stopped(self, redis: Redis, components: Components, parts: list[asyncio.Task[None]]) -> None:
        """Waits until a stop is requested, a burst is done, or a component fails, whose error is raised here."""
        waits = [asyncio.create_task(self._stopping.wait()), *parts]
        if self._dependencies.settings.burst:
            waits.append(asyncio.create_task(self._until_burst_done(redis, components)))
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await end_tasks([task for task in waits if task not in parts])
        for task in done:
            if not task.cancelled():
                task.result()

    async def _until_burst_done(self, redis: Redis, components: Components) -> None:
        settings = self._dependencies.settings
        burst = Burst(
            queues=list(components.queues.values()),
            table=components.table,
            runner=components.runner,
            unknown=components.unknown,
            may_start=self._dependencies.may_start,
            maybe_idle=components.maybe_idle,
            has_work=self._dependencies.has_work,
        )
        await burst.until_done(redis)
        if settings.preflight_warnings:
            await warn_of_paused(redis, settings.queues, ends=True)


async def _deregister(redis: Redis, components: Components) -> None:
    with suppress(RedisError, OSError, TimeoutError):
        async with asyncio.timeout(LAST_FLUSH_S):
            for session in components.sessions:
                await session.deregister(redis)


async def _end_claims(redis: Redis, components: Components) -> None:
    """Before the running jobs end, releases jobs that other workers could run meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_FLUSH_S / 2):
            for session in components.sessions:
                with suppress(RedisError, OSError):
                    await session.refuse_wake_ups(redis)
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_FLUSH_S / 2):
            await _release_unconfirmed(redis, components)


async def _flush(redis: Redis, components: Components) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_FLUSH_S):
            await asyncio.gather(_release_unconfirmed(redis, components), components.acker.flush())


async def _release_unconfirmed(redis: Redis, components: Components) -> None:
    """An error of one queue or a silent node of a cluster does not affect the other queues."""

    async def release(queues: Sequence[WorkerQueue]) -> None:
        for queue in queues:
            with suppress(RedisError, OSError):
                await queue.release_unconfirmed(redis)

    await visit_servers(redis, list(components.queues.values()), attrgetter("key"), release)
