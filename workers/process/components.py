"""The components of a worker: made and wired here and nowhere else, and run by `monarq.workers.process.lifecycle`.

They are made once the lanes are ready and the start-up hook has returned, since some of them measure time from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.choice.sessions import open_sessions
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms
from monarq.shared.redis.connection import RedisSource
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.aborter import Aborter
from monarq.workers.jobs.acker import Acker
from monarq.workers.jobs.claimer import Claimer
from monarq.workers.jobs.precheck import Precheck
from monarq.workers.jobs.results import ResultBuilder
from monarq.workers.jobs.runner import Runner
from monarq.workers.jobs.slots import Slots
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.leases.renewer import LeaseExpiry, LeaseRenewer
from monarq.workers.leases.sweeper import Sweeper
from monarq.workers.leases.table import LeaseTable
from monarq.workers.reporting.name_registrar import NameRegistrar
from monarq.workers.reporting.progress import ProgressReporter
from monarq.workers.reporting.worker_record import RunCounters
from monarq.workers.runs.registered_job import RegisteredJob, lanes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the components of a worker depend on; it stays the same from the worker's making to its end.

    Attributes:
        worker_id: the worker's name in Redis.
        settings: its settings.
        source: makes its Redis connections.
        jobs: the jobs that it can run, by name.
        ctx: the dict that hooks and arq's jobs get.
        events: the dispatcher of its events.
        counters: counts its runs.
        record: returns its record, as monitors read it; called by the lease thread.
        may_start: returns how many more jobs may be started; None for as many as there are free slots.
    """

    worker_id: str
    settings: WorkerSettings
    source: RedisSource
    jobs: Mapping[str, RegisteredJob]
    ctx: dict[Any, Any]
    events: Dispatcher
    counters: RunCounters
    record: Callable[[], bytes]
    may_start: Callable[[], int | None]


class Components:
    """The components of one worker, each with those that it needs; none is started.

    Attributes:
        sessions: what it says to its queues, one session for each format.
        queues: its queues.
        maybe_idle: set where the worker may have become idle: at each end of a job, and where a claim found none.
        table: the leases that it holds.
        unknown: requeues jobs that it does not know.
        acker: acknowledges the ends of runs.
        progress_reporter: sends the progress of runs.
        cpu_slots: the slots of its cpu lane; none where it knows no cpu job.
        runner: runs jobs.
        renewer: renews the leases.
        claimers: claim jobs, one for each set of each queue.
    """

    def __init__(self, dependencies: Dependencies, redis: Redis, lanes: Lanes) -> None:
        self._dependencies = dependencies
        self._redis = redis
        settings = dependencies.settings
        self._lanes = lanes_of(dependencies.jobs.values())
        self._terms = WorkerTerms(
            worker_id=dependencies.worker_id,
            lease_s=settings.lease_s,
            max_payload=settings.max_payload,
            last_chance=settings.max_crashes - 1 or None,
            max_dead=settings.max_dead,
            lanes=self._lanes,
        )
        self.sessions = open_sessions(settings.queues, self._terms, self._leases_of, self._on_lost)
        self.queues = {queue.ref: queue for session in self.sessions for queue in session.queues}
        self.maybe_idle = asyncio.Event()
        self.table = LeaseTable(self.queues)
        self.unknown = UnknownJobs(dependencies.worker_id, keep_s=settings.keep_unknown_s, burst=settings.burst)
        self.acker = Acker(
            redis=redis,
            queues=self.queues,
            table=self.table,
            events=dependencies.events,
            maybe_idle=self.maybe_idle,
        )
        self.progress_reporter = ProgressReporter(redis=redis, queues=self.queues, events=dependencies.events)
        io_slots, self.cpu_slots = Slots(settings.concurrency), Slots(1 if lanes.has_cpu else 0)
        self.runner = self._make_runner(lanes, io_slots)
        self.renewer = self._make_renewer()
        self.claimers = self._make_claimers("io", io_slots)
        if lanes.has_cpu:
            self.claimers += self._make_claimers("cpu", self.cpu_slots)

    def _leases_of(self, queue: QueueRef) -> list[Lease]:
        return self.table.of_queue(queue)

    def _on_lost(self, leases: list[Lease]) -> None:
        self.runner.cancel_lost(leases)

    def _make_runner(self, lanes: Lanes, io_slots: Slots) -> Runner:
        dependencies = self._dependencies
        return Runner(
            settings=dependencies.settings,
            precheck=Precheck(dependencies.jobs, dependencies.settings, self.queues),
            unknown=self.unknown,
            lanes=lanes,
            slots={"io": io_slots, "cpu": self.cpu_slots},
            table=self.table,
            acker=self.acker,
            results=ResultBuilder(dependencies.worker_id, dependencies.settings, self.queues, self._lanes),
            progress_reporter=self.progress_reporter,
            events=dependencies.events,
            state=dependencies.ctx,
            counters=dependencies.counters,
            maybe_idle=self.maybe_idle,
        )

    def _make_renewer(self) -> LeaseRenewer:
        dependencies = self._dependencies
        return LeaseRenewer(
            sessions=self.sessions,
            table=self.table,
            lease_s=dependencies.settings.lease_s,
            source=dependencies.source,
            record=dependencies.record,
            on_lost=self._on_lost,
            events=dependencies.events,
        )

    def _make_claimers(self, lane_queue: LaneQueue, slots: Slots) -> list[Claimer]:
        dependencies, lane_queues = self._dependencies, 1 + (self.cpu_slots.total > 0)
        return [
            Claimer(
                redis=self._redis,
                queue=queue,
                lane_queue=lane_queue,
                slots=slots,
                poll_s=session.poll_s(dependencies.settings.poll_s, lane_queues),
                last_chance=self._terms.last_chance,
                start=self.runner.start,
                table=self.table,
                may_start=dependencies.may_start,
                maybe_idle=self.maybe_idle,
                events=dependencies.events,
            )
            for session in self.sessions
            for queue in session.queues
        ]

    def make_background_tasks(self) -> list[ProgressReporter | LeaseExpiry | Sweeper | NameRegistrar | Aborter]:
        """The components that no job passes through."""
        dependencies, running = self._dependencies, self.runner.running
        lease_s = dependencies.settings.lease_s
        tasks: list[ProgressReporter | LeaseExpiry | Sweeper | NameRegistrar | Aborter] = [
            self.progress_reporter,
            LeaseExpiry(running=running, table=self.table, lease_s=lease_s),
            Sweeper(redis=self._redis, sessions=self.sessions, lease_s=lease_s, events=dependencies.events),
            NameRegistrar(
                redis=self._redis,
                queues=list(self.queues.values()),
                names=dependencies.jobs,
                events=dependencies.events,
            ),
        ]
        if dependencies.settings.allow_abort:
            tasks.append(
                Aborter(redis=self._redis, sessions=self.sessions, running=running, events=dependencies.events)
            )
        return tasks
