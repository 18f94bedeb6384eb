"""Creates and wires the components of a worker; `monarq.workers.process.lifecycle` runs them.

They are created once the lanes are ready and the start-up hook has returned, since some measure time from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from monarq.shared.formats.choice.sessions import open_sessions
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerTerms
from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.connection import RedisSource
from monarq.shared.redis.servers import is_cluster, server_of
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.outage import SharedOutage
from monarq.workers.jobs.acker import Acker
from monarq.workers.jobs.burst import HasWork
from monarq.workers.jobs.canceller import Canceller
from monarq.workers.jobs.claimer import MAX_CLAIM, Claimer
from monarq.workers.jobs.precheck import Precheck
from monarq.workers.jobs.results import ResultBuilder
from monarq.workers.jobs.runner import Runner
from monarq.workers.jobs.server_ackers import ServerAckers
from monarq.workers.jobs.server_turns import ServerTurns
from monarq.workers.jobs.slots import Slots
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.leases.renewer import LeaseExpiry, LeaseRenewer
from monarq.workers.leases.sweeper import Sweeper
from monarq.workers.leases.table import LeaseTable
from monarq.workers.reporting.name_registrar import NameRegistrar
from monarq.workers.reporting.progress import ProgressReporter
from monarq.workers.reporting.server_progress import ServerProgressReporters
from monarq.workers.reporting.worker_record import RunCounters
from monarq.workers.runs.registered_job import RegisteredJob, lanes_of
from monarq.workers.runs.worker_scope import WorkerScope

if TYPE_CHECKING:
    from monarq.producer.beside_worker import WorkerProducer


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the components of a worker depend on; it never changes during the worker's life.

    Attributes:
        worker_id: the worker's name in Redis.
        settings: its settings.
        source: creates its Redis connections.
        jobs: the jobs that it can run, by name.
        ctx: the dict that hooks and arq's jobs get.
        events: the dispatcher of its events.
        counters: counts its runs.
        record: returns its record, which monitors read; called by the lease thread.
        is_stopping: returns whether the worker must stop.
        may_start: returns how many more jobs may be started; None for as many as there are free slots.
        has_work: in burst mode, returns whether work is left; None: work is left while its queues hold jobs.
    """

    worker_id: str
    settings: WorkerSettings
    source: RedisSource
    jobs: Mapping[str, RegisteredJob]
    ctx: dict[Any, Any]
    events: Dispatcher
    counters: RunCounters
    record: Callable[[], bytes]
    is_stopping: Callable[[], bool]
    may_start: Callable[[], int | None]
    has_work: HasWork | None = None


BackgroundTask = ProgressReporter | ServerProgressReporters | LeaseExpiry | Sweeper | NameRegistrar | Canceller


class Components:
    """The components of one worker, wired but not started.

    Attributes:
        sessions: its sessions with its queues, one per format.
        queues: its queues.
        maybe_idle: set when the worker may have become idle: when no run is left, when all outcomes are acknowledged,
            and when a claim found no job.
        table: the leases that it holds.
        unknown: requeues jobs that it does not know.
        acker: acknowledges the outcomes of runs.
        progress_reporter: sends the progress of runs.
        scope: what all its runs share.
        cpu_slots: the slots of its cpu lane; none if it knows no cpu job.
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
        self._of_cluster = is_cluster(redis)  # if one of its nodes is down, other nodes' queues must not wait
        self.acker = ServerAckers(self._make_acker, self._server_of) if self._of_cluster else self._make_acker()
        self.progress_reporter = (
            ServerProgressReporters(self._make_progress_reporter, self._server_of)
            if self._of_cluster
            else self._make_progress_reporter()
        )
        self.scope = WorkerScope(
            dependencies.worker_id,
            dependencies.ctx,
            dependencies.is_stopping,
            self.progress_reporter.open,
            self._make_producer,
        )
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

    def _server_of(self, queue: QueueRef) -> Address | None:
        return server_of(self._redis, self.queues[queue].key)

    def _make_acker(self) -> Acker:
        return Acker(
            redis=self._redis,
            queues=self.queues,
            table=self.table,
            events=self._dependencies.events,
            maybe_idle=self.maybe_idle,
        )

    def _make_progress_reporter(self) -> ProgressReporter:
        return ProgressReporter(redis=self._redis, queues=self.queues, events=self._dependencies.events)

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
            scope=self.scope,
            counters=dependencies.counters,
            maybe_idle=self.maybe_idle,
        )

    def _make_producer(self) -> WorkerProducer:
        from monarq.producer.beside_worker import WorkerProducer  # deferred: most workers never need it

        source, settings = self._dependencies.source, self._dependencies.settings
        return WorkerProducer(
            source.client(),
            source.shown,
            settings.app.queue,
            settings.codecs,
            settings.max_payload,
            settings.app.middleware,
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
        # Lanes have separate outages: while all slots of a lane are taken, none of its claimers retries.
        refs = [queue.ref for session in self.sessions for queue in session.queues]
        of_queue = f" of {refs[0]}" if len(refs) == 1 else ""
        outage = SharedOutage(dependencies.events, f"claiming jobs{of_queue} for the {lane_queue} lane")
        turns = ServerTurns(slots, MAX_CLAIM, dependencies.may_start)
        return [
            Claimer(
                redis=self._redis,
                queue=queue,
                lane_queue=lane_queue,
                slots=slots,
                turn=turns.of(partial(self._server_of, queue.ref)) if self._of_cluster else slots.turn,
                poll_s=session.poll_s(dependencies.settings.poll_s, lane_queues),
                last_chance=self._terms.last_chance,
                start=self.runner.start,
                table=self.table,
                may_start=dependencies.may_start,
                maybe_idle=self.maybe_idle,
                events=dependencies.events,
                outage=SharedOutage(dependencies.events, f"claiming from {queue.ref}") if self._of_cluster else outage,
            )
            for session in self.sessions
            for queue in session.queues
        ]

    def make_background_tasks(self) -> list[BackgroundTask]:
        """The components that are not part of a job's path."""
        dependencies, running = self._dependencies, self.runner.running
        lease_s = dependencies.settings.lease_s
        tasks: list[BackgroundTask] = [
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
        if dependencies.settings.allow_cancel:
            tasks.append(
                Canceller(
                    redis=self._redis,
                    sessions=self.sessions,
                    running=running,
                    events=dependencies.events,
                    server_of=self._server_of if self._of_cluster else None,
                )
            )
        return tasks
