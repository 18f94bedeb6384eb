"""arq's `Worker`, which runs jobs on monarq's core: `monarq.arq.worker.Worker`.

It is a subclass of arq's own class, with the same arguments, methods, attributes, signal handlers, log lines and
options for subclasses; but instead of polling, it runs a core worker. Everything of monarq's is in one attribute.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from signal import Signals
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

from arq.cron import CronJob
from arq.worker import Function
from arq.worker import Worker as StockWorker

from monarq.arq.client.arq_redis import ArqRedis
from monarq.arq.lifecycle.arguments import WorkerArguments
from monarq.arq.lifecycle.attributes import bind_arguments, read_attributes, stock_arguments
from monarq.arq.lifecycle.hooks import open_pool
from monarq.arq.lifecycle.runner import WorkerRunner
from monarq.arq.runs.log import warn_never_called
from monarq.arq.settings.reader import arq_queue_of, job_name, read_arq_settings

_POLL_LOOP: Final = (
    "_poll_iteration",
    "_cancel_aborted_jobs",
    "start_jobs",
    "run_job",
    "finish_job",
    "finish_failed_job",
    "heart_beat",
    "run_cron",
    "record_health",
)
"""The methods of arq's poll loop, which is not used here."""

_RUN_ATTRIBUTES: Final[dict[str, Callable[[WorkerRunner], object]]] = {
    "tasks": lambda runner: runner.tasks,
    "job_tasks": lambda runner: runner.tasks,  # a run is one task here
    "job_counter": lambda runner: len(runner.tasks),
    "aborting_tasks": lambda runner: runner.aborting,
}
"""Attributes about the running jobs: copies, made on access."""


class Worker(StockWorker):
    """Runs jobs like arq's worker; takes arq's arguments, and monarq's own such as `lease_s` and `max_payload`.

    Attributes:
        functions: the jobs by name.
        ctx: the dict that hooks and jobs get.
        on_stop: called with the signal that stops the worker.
        main_task: the task of `run` or `async_run`.
    """

    def __init__(self, functions: Iterable[Any] = (), **settings: Unpack[WorkerArguments]) -> None:
        """Reads the settings and adds the signal handlers; nothing is connected or started.

        Raises:
            RuntimeError: there is neither a function nor a cron job.
            SettingsError: a setting has an invalid value.
        """
        arguments = bind_arguments(functions, settings)
        target = read_arq_settings(arguments)
        if not target.functions:
            raise RuntimeError("at least one function or cron_job must be registered")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # asyncio's, as there may be no running loop
            super().__init__(**stock_arguments(arguments, target))
        # Some of them may be jobs declared by monarq.
        by_name = {job_name(function): function for function in target.functions}
        self.functions = cast("dict[str, Function | CronJob]", by_name)
        self.ctx = target.ctx
        self.job_timeout_s = target.settings.timeout_s or None  # type: ignore[assignment]
        self.timezone = target.zone
        self.queue_name = arq_queue_of(target.settings).name
        for name in _RUN_ATTRIBUTES:
            vars(self).pop(name)
        self._monarq = WorkerRunner(self, target, arguments)
        if steps := [step for step in _POLL_LOOP if getattr(type(self), step) is not getattr(StockWorker, step)]:
            warn_never_called(type(self).__qualname__, steps)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """The attributes about the running jobs; as in arq, they do not exist until the worker is set up."""
            if name in _RUN_ATTRIBUTES and "_monarq" in vars(self):
                return _RUN_ATTRIBUTES[name](self._monarq)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def pool(self) -> ArqRedis:
        """The client that hooks and jobs find in ctx: None before the start of `main` and after `close`, as in arq."""
        return cast("ArqRedis", self._pool)

    async def async_run(self) -> None:
        """Runs the worker in the running loop, and does not close it.

        Raises:
            CancelledError: a signal has stopped it.
        """
        self.main_task = asyncio.get_running_loop().create_task(self.main())
        await self.main_task

    async def main(self) -> None:
        """Runs jobs until the worker is stopped, or in burst mode until none is left.

        Raises:
            RedisError: Redis could not be reached at the start.
            CancelledError: a signal or the caller has stopped it; the running jobs were handed back.
        """
        self._handle_signals_of(asyncio.get_running_loop())
        target = read_attributes(self, self._monarq.arguments)
        if self._pool is None:
            self._pool = await open_pool(target, self.queue_name)
        await self._monarq.run(target)

    def handle_sig(self, signum: Signals) -> None:
        """Stops the worker: running jobs are cancelled and handed back."""
        self._monarq.stop(Signals(signum))

    def handle_sig_wait_for_completion(self, signum: Signals) -> None:
        """Stops the worker, but lets running jobs end within `job_completion_wait`."""
        self._monarq.stop_later(Signals(signum))

    async def close(self) -> None:
        """Ends what still runs, calls `on_shutdown` and closes the client; may be called again.

        Raises:
            Exception: raised by the user's hook; the client is closed nevertheless.
        """
        if not self._handle_signals:
            self.handle_sig(Signals.SIGUSR1)
        if self._pool is None:
            return
        await self._monarq.end()
        try:
            if self.on_shutdown is not None:
                await self.on_shutdown(self.ctx)
        finally:
            pool, self._pool = self.pool, None
            await pool.aclose(close_connection_pool=True)

    def _handle_signals_of(self, running: asyncio.AbstractEventLoop) -> None:
        """Adds the signal handlers to this loop, if the program created it after the worker."""
        if running is self.loop:
            return
        self.loop = running
        if self._handle_signals:
            handler = self.handle_sig_wait_for_completion if self._job_completion_wait else self.handle_sig
            for signum in (Signals.SIGINT, Signals.SIGTERM):
                running.add_signal_handler(signum, partial(handler, signum))


# On the function and not on the class, so that a subclass with its own `__init__` has its own signature.
Worker.__init__.__signature__ = inspect.signature(StockWorker.__init__)  # type: ignore[attr-defined]
