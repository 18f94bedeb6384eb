"""The parts of a worker, put together here and nowhere else; `monarq.workers.process.lifecycle` starts and stops them.

A crew is for one turn of service: it is made when the lanes are warm and the start-up hook has run, as some of its
parts count the time from then on.
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
from monarq.workers.events.dispatcher import Journal
from monarq.workers.jobs.acker import Acker
from monarq.workers.jobs.claimer import Claimer
from monarq.workers.jobs.precheck import Admission
from monarq.workers.jobs.results import Results
from monarq.workers.jobs.runner import Runner
from monarq.workers.jobs.slots import Slots
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.lanes.lanes import Lanes
from monarq.workers.leases.aborter import Aborter
from monarq.workers.leases.expiry import LeaseClock
from monarq.workers.leases.keeper import LeaseKeeper, LeaseTable
from monarq.workers.leases.sweeper import Sweeper
from monarq.workers.reporting.announcer import Announcer
from monarq.workers.reporting.counters import Tally
from monarq.workers.reporting.progress import Reporter
from monarq.workers.runs.registered import Registered, lanes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a worker goes by from its making to its end, and all its parts with it.

    Attributes:
        worker_id: its name in Redis.
        settings: what it was set to.
        source: where its connections come from.
        jobs: the jobs that it can run, by name.
        ctx: the dict that hooks and arq's jobs get.
        journal: hears of what happens.
        tally: where what it has done is counted.
        record: writes its record, as monitors read it; called by the lease thread.
        may_start: how many jobs may be started yet; None for as many as there are places.
    """

    worker_id: str
    settings: WorkerSettings
    source: RedisSource
    jobs: Mapping[str, Registered]
    ctx: dict[Any, Any]
    journal: Journal
    tally: Tally
    record: Callable[[], bytes]
    may_start: Callable[[], int | None]


class Crew:
    """The parts of one worker, of which each knows those that it needs; none is started.

    Attributes:
        queues: the keys of its queues.
        quiet: set at each end of a job, and where a claim found none.
        table: the leases that it holds.
        unknown: what becomes of jobs that it does not know.
        acker: who acknowledges.
        reporter: who sends what jobs tell of their progress.
        cpu_slots: the places of its cpu lane; none where it knows no cpu job.
        runner: who runs jobs.
        keeper: who keeps the leases.
        claimers: who claim, one for each set of each queue.
    """

    def __init__(self, terms: Terms, redis: Redis, lanes: Lanes) -> None:
        self._terms = terms
        self._redis = redis
        self.queues = [QueueKeys.of(queue) for queue in terms.settings.queues]
        self.quiet = asyncio.Event()
        self.table = LeaseTable(self.queues)
        settings = terms.settings
        self.unknown = UnknownJobs(terms.worker_id, keep_s=settings.keep_unknown_s, burst=settings.burst)
        self.acker = Acker(
            redis=redis,
            worker_id=terms.worker_id,
            table=self.table,
            max_dead=terms.settings.max_dead,
            lanes=lanes_of(terms.jobs.values()),
            journal=terms.journal,
            on_settled=self.quiet.set,
        )
        self.reporter = Reporter(redis=redis, worker_id=terms.worker_id, journal=terms.journal)
        io_slots, self.cpu_slots = Slots(terms.settings.concurrency), Slots(1 if lanes.has_cpu else 0)
        self.runner = self._make_runner(lanes, io_slots, self.cpu_slots)
        self.keeper = self._make_keeper()
        self.claimers = self._make_claimers("io", io_slots)
        if lanes.has_cpu:
            self.claimers += self._make_claimers("cpu", self.cpu_slots)

    def _make_runner(self, lanes: Lanes, io_slots: Slots, cpu_slots: Slots) -> Runner:
        terms = self._terms
        return Runner(
            settings=terms.settings,
            admission=Admission(terms.jobs, terms.settings),
            unknown=self.unknown,
            lanes=lanes,
            io_slots=io_slots,
            cpu_slots=cpu_slots,
            table=self.table,
            acker=self.acker,
            results=Results(terms.worker_id, terms.settings, lanes_of(terms.jobs.values())),
            reporter=self.reporter,
            journal=terms.journal,
            state=terms.ctx,
            tally=terms.tally,
            on_ended=self.quiet.set,
        )

    def _make_keeper(self) -> LeaseKeeper:
        terms = self._terms
        return LeaseKeeper(
            worker_id=terms.worker_id,
            queues=self.queues,
            table=self.table,
            lease_s=terms.settings.lease_s,
            open_redis=terms.source.blocking_client,
            record=terms.record,
            on_lost=self.runner.lose,
            journal=terms.journal,
        )

    def _make_claimers(self, home: Home, slots: Slots) -> list[Claimer]:
        terms = self._terms
        return [
            Claimer(
                redis=self._redis,
                worker_id=terms.worker_id,
                keys=keys,
                home=home,
                slots=slots,
                settings=terms.settings,
                start=self.runner.start,
                is_held=self.table.holds,
                on_empty=self.quiet.set,
                may_start=terms.may_start,
                journal=terms.journal,
            )
            for keys in self.queues
        ]

    def make_others(self) -> list[Reporter | LeaseClock | Sweeper | Announcer | Aborter]:
        """Those who work beside the road of the jobs."""
        terms, running = self._terms, self.runner.running
        lease_s = terms.settings.lease_s
        others: list[Reporter | LeaseClock | Sweeper | Announcer | Aborter] = [
            self.reporter,
            LeaseClock(running=running, table=self.table, lease_s=lease_s),
            Sweeper(redis=self._redis, queues=self.queues, lease_s=lease_s, journal=terms.journal),
            Announcer(redis=self._redis, queues=self.queues, names=terms.jobs, journal=terms.journal),
        ]
        if terms.settings.allow_abort:
            others.append(Aborter(redis=self._redis, running=running, journal=terms.journal))
        return others
