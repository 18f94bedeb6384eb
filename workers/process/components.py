"""The components of a worker, put together here and nowhere else; `monarq.workers.process.lifecycle` runs them.

They are made when the lanes are warm and the start-up hook has run, as some of them count the time from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from monarq.shared.lane import Home
from monarq.shared.redis.connection import RedisSource
from monarq.shared.redis.keys import QueueKeys
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.acker import Acker
from monarq.workers.jobs.claimer import Claimer
from monarq.workers.jobs.precheck import Precheck
from monarq.workers.jobs.results import Results
from monarq.workers.jobs.runner import Runner
from monarq.workers.jobs.slots import Slots
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.leases.aborter import Aborter
from monarq.workers.leases.expiry import LeaseExpiry
from monarq.workers.leases.keeper import LeaseKeeper, LeaseTable
from monarq.workers.leases.sweeper import Sweeper
from monarq.workers.reporting.announcer import Announcer
from monarq.workers.reporting.progress import ProgressReporter
from monarq.workers.reporting.record import RunCounters
from monarq.workers.runs.registered import RegisteredJob, lanes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What a worker goes by from its making to its end, and all its parts with it.

    Attributes:
        worker_id: its name in Redis.
        settings: what it was set to.
        source: where its connections come from.
        jobs: the jobs that it can run, by name.
        ctx: the dict that hooks and arq's jobs get.
        events: hears of what happens.
        counters: where what it has done is counted.
        record: writes its record, as monitors read it; called by the lease thread.
        may_start: how many jobs may be started yet; None for as many as there are places.
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
    """The parts of one worker, of which each knows those that it needs; none is started.

    Attributes:
        queues: the keys of its queues.
        quiet: set at each end of a job, and where a claim found none.
        table: the leases that it holds.
        unknown: what becomes of jobs that it does not know.
        acker: who acknowledges.
        progress_reporter: who sends what jobs tell of their progress.
        cpu_slots: the places of its cpu lane; none where it knows no cpu job.
        runner: who runs jobs.
        keeper: who keeps the leases.
        claimers: who claim, one for each set of each queue.
    """

    def __init__(self, dependencies: Dependencies, redis: Redis, lanes: Lanes) -> None:
        self._dependencies = dependencies
        self._redis = redis
        self.queues = [QueueKeys.of(queue) for queue in dependencies.settings.queues]
        self.quiet = asyncio.Event()
        self.table = LeaseTable(self.queues)
        settings = dependencies.settings
        self.unknown = UnknownJobs(dependencies.worker_id, keep_s=settings.keep_unknown_s, burst=settings.burst)
        self.acker = Acker(
            redis=redis,
            worker_id=dependencies.worker_id,
            table=self.table,
            max_dead=dependencies.settings.max_dead,
            lanes=lanes_of(dependencies.jobs.values()),
            events=dependencies.events,
            on_settled=self.quiet.set,
        )
        self.progress_reporter = ProgressReporter(
            redis=redis, worker_id=dependencies.worker_id, events=dependencies.events
        )
        io_slots, self.cpu_slots = Slots(dependencies.settings.concurrency), Slots(1 if lanes.has_cpu else 0)
        self.runner = self._make_runner(lanes, io_slots, self.cpu_slots)
        self.keeper = self._make_keeper()
        self.claimers = self._make_claimers("io", io_slots)
        if lanes.has_cpu:
            self.claimers += self._make_claimers("cpu", self.cpu_slots)

    def _make_runner(self, lanes: Lanes, io_slots: Slots, cpu_slots: Slots) -> Runner:
        dependencies = self._dependencies
        return Runner(
            settings=dependencies.settings,
            precheck=Precheck(dependencies.jobs, dependencies.settings),
            unknown=self.unknown,
            lanes=lanes,
            io_slots=io_slots,
            cpu_slots=cpu_slots,
            table=self.table,
            acker=self.acker,
            results=Results(dependencies.worker_id, dependencies.settings, lanes_of(dependencies.jobs.values())),
            progress_reporter=self.progress_reporter,
            events=dependencies.events,
            state=dependencies.ctx,
            counters=dependencies.counters,
            on_ended=self.quiet.set,
        )

    def _make_keeper(self) -> LeaseKeeper:
        dependencies = self._dependencies
        return LeaseKeeper(
            worker_id=dependencies.worker_id,
            queues=self.queues,
            table=self.table,
            lease_s=dependencies.settings.lease_s,
            open_redis=dependencies.source.blocking_client,
            record=dependencies.record,
            on_lost=self.runner.lose,
            events=dependencies.events,
        )

    def _make_claimers(self, home: Home, slots: Slots) -> list[Claimer]:
        dependencies = self._dependencies
        return [
            Claimer(
                redis=self._redis,
                worker_id=dependencies.worker_id,
                keys=keys,
                home=home,
                slots=slots,
                settings=dependencies.settings,
                start=self.runner.start,
                is_held=self.table.holds,
                on_empty=self.quiet.set,
                may_start=dependencies.may_start,
                events=dependencies.events,
            )
            for keys in self.queues
        ]

    def make_others(self) -> list[ProgressReporter | LeaseExpiry | Sweeper | Announcer | Aborter]:
        """Those who work beside the road of the jobs."""
        dependencies, running = self._dependencies, self.runner.running
        lease_s = dependencies.settings.lease_s
        others: list[ProgressReporter | LeaseExpiry | Sweeper | Announcer | Aborter] = [
            self.progress_reporter,
            LeaseExpiry(running=running, table=self.table, lease_s=lease_s),
            Sweeper(redis=self._redis, queues=self.queues, lease_s=lease_s, events=dependencies.events),
            Announcer(redis=self._redis, queues=self.queues, names=dependencies.jobs, events=dependencies.events),
        ]
        if dependencies.settings.allow_abort:
            others.append(Aborter(redis=self._redis, running=running, events=dependencies.events))
        return others
