"""The runner of arq's `Worker`: runs a core worker for each `main()`, until it is stopped or its burst is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from signal import Signals
from typing import Any, Final

from arq.connections import ArqRedis as StockRedis
from arq.worker import Worker as StockWorker
from redis.exceptions import RedisError

from monarq.arq.lifecycle.attributes import with_name
from monarq.arq.lifecycle.health_check import HealthCheckWriter
from monarq.arq.lifecycle.hooks import ArqHooks, make_cron_scheduler
from monarq.arq.runs.functions import as_job
from monarq.arq.runs.log import ArqLog
from monarq.arq.settings.reader import ArqTarget
from monarq.shared.errors import MonarqError
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.worker import Worker as CoreWorker
from monarq.workers.runs.registered_job import RegisteredJob
from monarq.workers.runs.run import CancelReason

_NO_GRACE_S: Final = 86_400.0
"""The core worker's own grace period: here the runner measures it, and logs when it is over."""


class AttributeLog(ArqLog):
    """Writes arq's log lines, and keeps its counts in the worker's attributes, which programs may set."""

    def __init__(self, worker: StockWorker, *, log_results: bool) -> None:
        self._worker = worker
        super().__init__(log_results=log_results)

    @property
    def complete(self) -> int:
        """See `ArqLog`."""
        return self._worker.jobs_complete

    @complete.setter
    def complete(self, count: int) -> None:
        self._worker.jobs_complete = count

    @property
    def failed(self) -> int:
        """See `ArqLog`."""
        return self._worker.jobs_failed

    @failed.setter
    def failed(self, count: int) -> None:
        self._worker.jobs_failed = count

    @property
    def retried(self) -> int:
        """See `ArqLog`."""
        return self._worker.jobs_retried

    @retried.setter
    def retried(self, count: int) -> None:
        self._worker.jobs_retried = count


class LazyJobs(dict[str, RegisteredJob]):
    """The jobs of a worker, and those that its program adds while it runs, which are registered on first use."""

    def __init__(self, jobs: Mapping[str, RegisteredJob], find: Callable[[str], RegisteredJob | None]) -> None:
        super().__init__(jobs)
        self._find = find

    def get(self, name: str, default: Any = None) -> Any:
        """See `dict`."""
        found = super().get(name)
        if found is None and (found := self._find(name)) is not None:
            self[name] = found
        return default if found is None else found


class AttributeWorker(CoreWorker):
    """The core worker of an arq `Worker`, whose attributes decide whether it claims jobs, and which."""

    def __init__(self, worker: StockWorker, target: ArqTarget, settings: WorkerSettings, **parts: Any) -> None:
        self._worker = worker
        super().__init__(target.jobs, settings, target.source, ctx=worker.ctx, **parts)

    def register(self, functions: Iterable[object]) -> Mapping[str, RegisteredJob]:
        """See `CoreWorker`."""
        return LazyJobs(super().register(functions), self._register_added)

    def _register_added(self, name: str) -> RegisteredJob | None:
        given: Any = self._worker.functions.get(name)
        try:
            return None if given is None else super().register([as_job(with_name(name, given))])[name]
        except (MonarqError, RuntimeError):
            return None

    def _may_start(self) -> int | None:
        return super()._may_start() if self._worker.allow_pick_jobs else 0


class WorkerRunner:
    """Runs the core workers of an arq `Worker`, one after the other.

    Args:
        worker: the arq worker, whose attributes are the settings.
        target: the settings that it was made with.
        arguments: its arguments.
    """

    def __init__(self, worker: StockWorker, target: ArqTarget, arguments: Mapping[str, Any]) -> None:
        self.arguments = arguments
        self._worker = worker
        self._grace_s = target.settings.grace_s
        self._log = AttributeLog(worker, log_results=target.log_results)
        self._events = Dispatcher(self._log, *target.settings.listeners)
        self._health = HealthCheckWriter(
            target.settings,
            self._log,
            self._events,
            key=target.health_check_key,
            interval_s=target.health_check_s,
            keep=True,
        )
        self._core: CoreWorker | None = None
        self._running: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._hooks: ArqHooks | None = None

    @property
    def tasks(self) -> dict[str, asyncio.Task[Any]]:
        """The tasks of the running jobs, by job id."""
        runs = self._core.runs if self._core else []
        return {run.lease.job_id: run.task for run in runs if run.task is not None}

    @property
    def aborting(self) -> set[str]:
        """The ids of running jobs that are being aborted."""
        runs = self._core.runs if self._core else []
        return {run.lease.job_id for run in runs if run.cancel_reason is CancelReason.ASKED}

    async def run(self, target: ArqTarget) -> None:
        """See `Worker.main`.

        Args:
            target: the settings as they are now.
        """
        self._core = core = self._make_core(target)
        self._running = asyncio.get_running_loop().create_task(core.run())
        try:
            await asyncio.shield(self._running)
            if self._waiting is not None:
                await asyncio.shield(self._waiting)
        except asyncio.CancelledError:
            core.hand_back()
            if self._hooks is None or not self._hooks.started:
                self._running.cancel()  # the user's on_startup may never return
            await asyncio.wait([self._running])
            raise

    def _make_core(self, target: ArqTarget) -> CoreWorker:
        # Without warnings, which arq does not have: its users read its log lines.
        settings = replace(
            target.settings, grace_s=_NO_GRACE_S, max_burst_jobs=self._burst_jobs_left(), preflight_warnings=False
        )
        # When the pool exists, the wait for Redis, according to arq's settings, is over.
        settings = replace(settings, redis_wait_s=0.0)
        cron, hooks = make_cron_scheduler(target, settings, self._events), settings.hooks
        self._hooks = ArqHooks(target.names, self._log, self._health, cron, self._opened_pool, hooks)
        # close() calls on_shutdown.
        settings = replace(settings, hooks=replace(hooks, startup=self._hooks.startup, shutdown=None))
        background = [self._health] if cron is None else [self._health, cron]
        return AttributeWorker(self._worker, target, settings, events=self._events, background=background)

    def _burst_jobs_left(self) -> int:
        """The remaining jobs of the limit, which applies to all runs of the worker together."""
        worker = self._worker
        if worker.max_burst_jobs < 0:
            return worker.max_burst_jobs
        return max(0, worker.max_burst_jobs - worker.jobs_complete - worker.jobs_failed - worker.jobs_retried)

    async def _opened_pool(self) -> StockRedis:
        return self._worker.pool

    def stop(self, signum: Signals) -> None:
        """See `Worker.handle_sig`."""
        self._log.shutting_down(signum.name, len(self.tasks), "ongoing to cancel")
        self._stop(signum)

    def stop_later(self, signum: Signals) -> None:
        """See `Worker.handle_sig_wait_for_completion`."""
        self._log.not_picking()
        self._worker.allow_pick_jobs = False
        self._log.shutting_down(signum.name, len(self.tasks), "to be completed")
        if self._core is not None:
            self._core.drain()
        self._waiting = asyncio.get_running_loop().create_task(self._wait_for_completion(signum))

    async def _wait_for_completion(self, signum: Signals) -> None:
        if self._running is not None:
            await asyncio.wait([self._running], timeout=self._grace_s)
        self._log.waited(signum.name, len(self.tasks))
        self._stop(signum)

    def _stop(self, signum: Signals) -> None:
        worker = self._worker
        if self._core is not None:
            self._core.hand_back()
        if worker.main_task is not None:
            worker.main_task.cancel()
        if worker.on_stop is not None:
            worker.on_stop(signum)

    async def end(self) -> None:
        """Ends the core worker if it still runs, and removes the health-check key."""
        if self._core is not None:
            self._core.drain()
        ending = [task for task in (self._waiting, self._running) if task is not None]
        if ending:
            await asyncio.wait(ending)
        self._core = self._running = self._waiting = None
        with suppress(RedisError, OSError):
            await self._health.remove(self._worker.pool)
