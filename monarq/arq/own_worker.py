"""A `Worker` with arq's arguments, methods and log lines that runs monarq's engine: what `monarq.arq.worker` gives.

One `main()` is one engine: it runs until it is stopped, or in burst mode until the queue is empty. Jobs that are
cancelled by a signal are handed back at once.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from signal import Signals
from typing import Any, ClassVar, Final, Unpack, cast

from arq.connections import ArqRedis as StockRedis
from arq.worker import FailedJobs
from redis.exceptions import RedisError

from monarq.arq.arguments import WorkerArguments
from monarq.arq.attributes import SIGNATURE, WorkerAttributes
from monarq.producer.arq_redis import ArqRedis
from monarq.workers.arq_health import ArqHealth
from monarq.workers.arq_life import ArqLife, make_keeper, open_pool
from monarq.workers.arq_log import ArqLog
from monarq.workers.arq_settings import ArqTarget
from monarq.workers.engine import Engine
from monarq.workers.journal import Journal
from monarq.workers.run import Halt
from monarq.workers.signals import handling

_NO_GRACE_S: Final = 86_400.0
"""The engine's own grace: here it is the worker that counts the time, and says so in between."""


class Worker(WorkerAttributes):
    """Runs jobs, as arq's worker does; takes what arq's takes, and monarq's own `lease_s`, `max_payload` and others.

    Attributes:
        functions: the jobs by name.
        ctx: the dict that hooks and jobs get.
        on_stop: called with the signal when one stops the worker.
        main_task: the task of `run` or `async_run`.
    """

    __signature__: ClassVar[inspect.Signature] = SIGNATURE

    def __init__(self, functions: Sequence[Any] = (), **settings: Unpack[WorkerArguments]) -> None:
        """Reads the settings; nothing is connected or started.

        Raises:
            RuntimeError: there is neither a function nor a cron job.
            SettingsError: a setting has a value that it cannot have.
        """
        super().__init__(functions, **settings)
        self._pool = self.target.redis_pool
        self._log = ArqLog(self.target.settings)
        self._journal = Journal(self._log, *self.target.settings.listeners)
        self._health = ArqHealth(self.target.settings, self._log, self._journal, keep=True)
        self._picks = True
        self._engine: Engine | None = None
        self._running: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._life: ArqLife | None = None
        self._signals = ExitStack()

    @property
    def pool(self) -> ArqRedis:
        """The client that hooks and jobs find in ctx: None before the start of `main` and after `close`, as in arq."""
        return cast("ArqRedis", self._pool)

    @property
    def allow_pick_jobs(self) -> bool:
        """Whether new jobs are taken; may be set."""
        return self._picks

    @allow_pick_jobs.setter
    def allow_pick_jobs(self, picks: bool) -> None:
        self._picks = picks
        if self._engine is not None:
            self._engine.paused = not picks

    @property
    def jobs_complete(self) -> int:
        """How many runs returned."""
        return self._log.complete

    @property
    def jobs_failed(self) -> int:
        """How many jobs failed for good, or were aborted."""
        return self._log.failed

    @property
    def jobs_retried(self) -> int:
        """How many runs lead to another one; those that a stop cancelled are among them."""
        return self._log.retried

    @property
    def tasks(self) -> dict[str, asyncio.Task[Any]]:
        """The tasks of the jobs that run, by job id. A copy."""
        runs = self._engine.runs if self._engine else []
        return {run.lease.job_id: run.task for run in runs if run.task is not None}

    @property
    def job_tasks(self) -> dict[str, asyncio.Task[Any]]:
        """The same: a run is one task here."""
        return self.tasks

    @property
    def job_counter(self) -> int:
        """How many jobs run."""
        return len(self.tasks)

    @property
    def aborting_tasks(self) -> set[str]:
        """The ids of running jobs that are being aborted."""
        runs = self._engine.runs if self._engine else []
        return {run.lease.job_id for run in runs if run.halt is Halt.ABORT}

    def run(self) -> None:
        """Runs the worker and closes it; for programs without an event loop of their own."""
        self.main_task = self.loop.create_task(self.main())
        try:
            self.loop.run_until_complete(self.main_task)
        except asyncio.CancelledError:
            pass  # a signal ends it so
        finally:
            self.loop.run_until_complete(self.close())

    async def async_run(self) -> None:
        """Runs the worker in the running loop, and does not close it.

        Raises:
            CancelledError: a signal has stopped it.
        """
        self.main_task = asyncio.get_running_loop().create_task(self.main())
        await self.main_task

    async def run_check(self, retry_jobs: bool | None = None, max_burst_jobs: int | None = None) -> int:
        """Runs the worker, for tests.

        Args:
            retry_jobs: replaces the setting.
            max_burst_jobs: replaces the setting.

        Returns:
            How many jobs returned.

        Raises:
            FailedJobs: some failed.
        """
        if retry_jobs is not None:
            self.retry_jobs = retry_jobs
        if max_burst_jobs is not None:
            self.max_burst_jobs = max_burst_jobs
        await self.async_run()
        if self.jobs_failed:
            raise FailedJobs(self.jobs_failed, [r for r in await self.pool.all_job_results() if not r.success])
        return self.jobs_complete

    async def main(self) -> None:
        """Runs jobs until the worker is stopped, or in burst mode until none is left.

        Raises:
            RedisError: Redis could not be reached at the start.
            CancelledError: a signal or the caller has stopped it; the running jobs are handed back.
        """
        target = self.read_again()
        if self._pool is None:
            self._pool = await open_pool(target, self.queue_name)
        self._engine = engine = self._make_engine(target)
        self._mind_signals()
        self._running = asyncio.get_running_loop().create_task(engine.run())
        try:
            await asyncio.shield(self._running)
            if self._waiting is not None:
                await asyncio.shield(self._waiting)
        except asyncio.CancelledError:
            engine.hand_back()
            if self._life is None or not self._life.started:
                self._running.cancel()  # the user's on_startup may never end by itself
            await asyncio.wait([self._running])
            raise

    def _make_engine(self, target: ArqTarget) -> Engine:
        # arq has no such warnings, and its users look at its log lines.
        settings = replace(target.settings, grace_s=_NO_GRACE_S, max_burst_jobs=self._burst_jobs_left(), audit=False)
        # Arq's settings have said how long to wait, when the pool was made.
        settings = replace(settings, redis_wait_s=0.0)
        cron, hooks = make_keeper(target, settings, self._journal), settings.hooks
        self._life = ArqLife(list(self.functions), self._log, self._health, cron, self._opened_pool, hooks.startup)
        # on_shutdown is for close().
        settings = replace(settings, hooks=replace(hooks, startup=self._life.startup, shutdown=None))
        engine = Engine(
            target.functions,
            settings,
            target.source,
            journal=self._journal,
            upkeep=[self._health] if cron is None else [self._health, cron],
            ctx=self.ctx,
        )
        engine.paused = not self._picks
        return engine

    def _burst_jobs_left(self) -> int:
        """The limit is for all runs of the worker together."""
        if self.max_burst_jobs < 0:
            return self.max_burst_jobs
        return max(0, self.max_burst_jobs - self.jobs_complete - self.jobs_failed - self.jobs_retried)

    async def _opened_pool(self) -> StockRedis:
        return self.pool

    def handle_sig(self, signum: Signals) -> None:
        """Stops the worker: running jobs are cancelled and handed back."""
        sig = Signals(signum)
        self._log.shutting_down(sig.name, len(self.tasks), "ongoing to cancel")
        self._stop(sig)

    def handle_sig_wait_for_completion(self, signum: Signals) -> None:
        """Stops the worker, but lets running jobs end within `job_completion_wait`."""
        sig = Signals(signum)
        self._log.not_picking()
        self.allow_pick_jobs = False
        self._log.shutting_down(sig.name, len(self.tasks), "to be completed")
        if self._engine is not None:
            self._engine.drain()
        self._waiting = asyncio.get_running_loop().create_task(self._wait_for_completion(sig))

    async def _wait_for_completion(self, sig: Signals) -> None:
        if self._running is not None:
            await asyncio.wait([self._running], timeout=self.target.settings.grace_s)
        self._log.waited(sig.name, len(self.tasks))
        self._stop(sig)

    def _stop(self, sig: Signals) -> None:
        if self._engine is not None:
            self._engine.hand_back()
        if self.main_task is not None:
            self.main_task.cancel()
        if self.on_stop is not None:
            self.on_stop(sig)

    async def close(self) -> None:
        """Ends what still runs, calls `on_shutdown` and closes the client; may be called again.

        Raises:
            Exception: what the user's hook raised; the client is closed all the same.
        """
        if not self.target.handle_signals:
            self.handle_sig(Signals.SIGUSR1)
        if self._pool is None:
            return
        await self._end_engine()
        try:
            with suppress(RedisError, OSError):
                await self._health.remove(self.pool)
            if self.on_shutdown is not None:
                await self.on_shutdown(self.ctx)
        finally:
            pool, self._pool = self.pool, None
            await pool.aclose(close_connection_pool=True)
            self._signals.close()

    async def _end_engine(self) -> None:
        if self._engine is not None:
            self._engine.drain()
        ending = [task for task in (self._waiting, self._running) if task is not None]
        if ending:
            await asyncio.wait(ending)
        self._engine = self._running = self._waiting = None

    def _mind_signals(self) -> None:
        """From here to `close`, as in arq."""
        self._signals.close()
        if self.target.handle_signals:
            handler = self.handle_sig_wait_for_completion if self.target.settings.grace_s else self.handle_sig
            minded = (Signals.SIGINT, Signals.SIGTERM)
            self._signals.enter_context(handling({signum: partial(handler, signum) for signum in minded}))

    def __repr__(self) -> str:
        return (
            f"<Worker j_complete={self.jobs_complete} j_failed={self.jobs_failed} j_retried={self.jobs_retried}"
            f" j_ongoing={len(self.tasks)}>"
        )
