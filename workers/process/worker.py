"""The interface of a worker: it is created from jobs and settings, run once, asked for its state, and drained.

The worker process, arq's `Worker` and tests each create one. `monarq.workers.process.lifecycle` starts and stops its
components.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from monarq.shared.clock import wall_ms
from monarq.shared.redis.connection import RedisSource
from monarq.shared.text.error_text import limit_error_text
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.burst import HasWork
from monarq.workers.jobs.registry import register
from monarq.workers.process.components import Components, Dependencies
from monarq.workers.process.lifecycle import BackgroundTask, WorkerLifecycle
from monarq.workers.reporting.process_stats import ProcessSampler
from monarq.workers.reporting.worker_record import RunCounters, write_record
from monarq.workers.runs.current_job import WORKER_ID
from monarq.workers.runs.registered_job import RegisteredJob
from monarq.workers.runs.run import ActiveRun


class Worker:
    """One worker.

    Attributes:
        worker_id: its name in Redis: host, process id and a random part.
        settings: its settings.
        jobs: the jobs that it can run, by name.
        ctx: the dict that hooks and arq's jobs get.
        source: creates its Redis connections.
        paused: claims nothing while it is set.
        restarts: how often the worker of its slot in the pool ended unexpectedly or was killed, and was replaced.
    """

    def __init__(
        self,
        functions: Iterable[object],
        settings: WorkerSettings,
        source: RedisSource,
        *,
        events: Dispatcher | None = None,
        background: Iterable[BackgroundTask] = (),
        ctx: dict[Any, Any] | None = None,
        has_work: HasWork | None = None,
    ) -> None:
        """Creates a worker; nothing is connected or started.

        Args:
            functions: see `monarq.workers.jobs.registry.register`.
            settings: its settings.
            source: creates its Redis connections.
            events: the dispatcher of its events. Default: one with the listeners of the settings.
            background: tasks that run alongside the jobs, cron for instance.
            ctx: the dict for hooks and arq's jobs.
            has_work: in burst mode, returns whether work is left. Default: work is left while its queues hold jobs.
        """
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.settings = settings
        limit_error_text(settings.max_error_text)
        self.jobs = self.register(functions)
        self.ctx = {} if ctx is None else ctx
        self.source = source
        self.paused = False
        self.restarts = 0
        self._counters = RunCounters()
        self._sampler = ProcessSampler()
        self._started_ms = wall_ms()
        self._stopping = asyncio.Event()
        self._hand_back = asyncio.Event()
        self._lifecycle = WorkerLifecycle(
            Dependencies(
                worker_id=self.worker_id,
                settings=settings,
                source=source,
                jobs=self.jobs,
                ctx=self.ctx,
                events=events or Dispatcher(*settings.listeners),
                counters=self._counters,
                record=self.record,
                is_stopping=self._stopping.is_set,
                may_start=self._may_start,
                has_work=has_work,
            ),
            background=background,
            sampler=self._sampler,
            stopping=self._stopping,
            hand_back=self._hand_back,
        )

    def register(self, functions: Iterable[object]) -> Mapping[str, RegisteredJob]:
        """The jobs with its settings applied; see `monarq.workers.jobs.registry.register`."""
        return register(functions, self.settings)

    @property
    def _components(self) -> Components | None:
        return self._lifecycle.components

    @property
    def interrupted_runs(self) -> bool:
        """Whether it has stopped runs early."""
        return self._lifecycle.interrupted_runs

    @property
    def is_drained(self) -> bool:
        """Whether every job has ended or was handed back."""
        return self._lifecycle.is_drained

    def use_dedicated_process(self) -> None:
        """Lets it kill processes of its jobs when it hands jobs back, because nothing else runs in this process."""
        self._lifecycle.dedicated_process = True

    @property
    def counters(self) -> RunCounters:
        """The counts of its runs so far."""
        return self._counters

    @property
    def running(self) -> int:
        """How many jobs are running."""
        return len(self._components.runner.running) if self._components else 0

    @property
    def runs(self) -> list[ActiveRun]:
        """The runs that have not ended."""
        return list(self._components.runner.running.values()) if self._components else []

    def stop_claiming(self) -> None:
        """Claims no more jobs, and continues the jobs that it has."""
        self.paused = True

    def drain(self) -> None:
        """Claims no more jobs; `run` returns when the running jobs have ended or their grace period is over."""
        self._stopping.set()

    def hand_back(self) -> None:
        """Hands all running jobs back now; `run` then returns."""
        self._stopping.set()
        self._hand_back.set()

    async def run(self) -> None:
        """Runs jobs until `drain` or `hand_back` is called, or in burst mode until none is left.

        Raises:
            RedisUnavailableError: at startup, Redis refused the login, is too old, or was unreachable for longer than
                ``redis_wait_s``; later the worker waits for it.
            Exception: raised by the start-up hook.
        """
        WORKER_ID.set(self.worker_id)
        await self._lifecycle.run()

    def _may_start(self) -> int | None:
        """How many more jobs may be claimed, if paused or in burst mode; None for as many as there are free slots."""
        if self.paused:
            return 0
        if not self.settings.burst or self.settings.max_burst_jobs < 0:
            return None
        return max(0, self.settings.max_burst_jobs - self._counters.started)

    def heartbeat(self) -> Heartbeat:
        """The worker's state, sent to its supervisor every second; called on its event loop."""
        return Heartbeat(
            running=self.running,
            started=self._counters.started,
            lag_s=round(max(0.0, self._sampler.lag.take("heartbeat")), 3),
            renewed_s=round(self._components.renewer.renewed_s, 3) if self._components else 0.0,
            abandoned_threads=self._counters.abandoned_threads,
            closing=self.is_drained,
            idle=[claimer.idle_time() for claimer in self._components.claimers] if self._components else [],
        )

    def record(self) -> bytes:
        """The worker's record, which monitors read; called by the lease thread."""
        return write_record(
            self.worker_id,
            self.settings,
            counters=self._counters,
            runs=self.runs,
            cpu_places=self._components.cpu_slots.total if self._components else 0,
            measured=self._sampler.sample(),
            started_ms=self._started_ms,
            restarts=self.restarts,
            draining=self._stopping.is_set(),
        )
