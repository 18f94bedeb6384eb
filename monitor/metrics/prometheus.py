"""The Prometheus metrics of queues, jobs and workers.

All of them are read from Redis at each scrape, with a few calls per queue, so every process that serves them reports
the same. Imported only if metrics are served, since it needs prometheus_client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from monarq.monitor.admin.admin import paused_since_ms
from monarq.monitor.queues.counters import BOUNDS_S, COUNTS, Counters, Histogram
from monarq.monitor.queues.lane_usage import lane_usage
from monarq.monitor.queues.series import read_counters
from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.monitor.queues.workers import WorkerStats, sort_workers
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.version import VERSION

NOT_BY_JOB: Final = frozenset({"started", "lost"})
"""The counters of a queue that are not counted by job name."""

QUEUE_LABELS: Final = ("queue", "format")
"""The labels that identify a queue: a queue in the other format may have the same name."""

WORKER_LABELS: Final = ("worker", "host")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The data of all metrics.

    Attributes:
        queues: the queues, with their workers.
        totals: the counters since the first job, by queue.
        jobs: the same by queue and job name.
        workers: the workers of these queues, each once.
        paused: the paused queues.
    """

    queues: tuple[QueueStats, ...] = ()
    totals: Mapping[QueueRef, Counters] = field(default_factory=dict)
    jobs: Mapping[QueueRef, Mapping[str, Counters]] = field(default_factory=dict)
    workers: tuple[WorkerStats, ...] = ()
    paused: frozenset[QueueRef] = frozenset()


async def read_snapshot(redis: Redis, queues: Iterable[QueueRef]) -> Snapshot:
    """Reads the data of these queues.

    Raises:
        RedisError: Redis did not answer.
    """
    stats = await read_stats(redis, queues)
    counted = {queue.ref: await read_counters(redis, queue.ref) for queue in stats}
    return Snapshot(
        queues=tuple(stats),
        totals={queue: found[0] for queue, found in counted.items()},
        jobs={queue: found[1] for queue, found in counted.items()},
        paused=frozenset([queue for queue in counted if await paused_since_ms(redis, queue) is not None]),
        workers=tuple(sort_workers({worker.worker_id: worker for queue in stats for worker in queue.workers}.values())),
    )


class SnapshotCollector(Collector):
    """Exports a snapshot to prometheus_client.

    Args:
        snapshot: the data; None if there is none.
        answered: whether Redis answered; None while its address is unknown.
    """

    def __init__(self, snapshot: Snapshot | None, *, answered: bool | None = True) -> None:
        self._snapshot = snapshot
        self._answered = answered

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        up = GaugeMetricFamily("monarq_redis_up", "Whether Redis answered; if not, nothing else is known.")
        if self._answered is not None:
            up.add_metric([], self._answered)
            yield up
        build = GaugeMetricFamily("monarq_build_info", "The version of monarq that reports this.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        if self._snapshot is not None:
            yield from queue_metrics(self._snapshot)
            yield from count_metrics(self._snapshot)
            yield from worker_metrics(self._snapshot.workers)


def queue_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    """The gauges of queues."""
    jobs = GaugeMetricFamily(
        "monarq_queue_jobs",
        "Jobs by state: queued jobs are due and wait (including those that stock arq workers run), deferred ones are"
        " not yet due, running ones are held by monarq workers, dead ones have left a dead letter.",
        labels=[*QUEUE_LABELS, "state"],
    )
    oldest = GaugeMetricFamily(
        "monarq_queue_oldest_seconds",
        "How long the oldest queued job has been due; 0 if none is queued.",
        labels=QUEUE_LABELS,
    )
    paused = GaugeMetricFamily(
        "monarq_queue_paused", "Whether the queue is paused for monarq's workers.", labels=QUEUE_LABELS
    )
    workers = GaugeMetricFamily("monarq_workers", "Workers that are alive.", labels=QUEUE_LABELS)
    for queue in snapshot.queues:
        states = {"queued": queue.queued, "deferred": queue.deferred, "running": queue.running, "dead": queue.dead}
        for state, count in states.items():
            jobs.add_metric([*queue.ref, state], count)
        oldest.add_metric(queue.ref, queue.oldest_s or 0.0)
        paused.add_metric(queue.ref, queue.ref in snapshot.paused)
        workers.add_metric(queue.ref, sum(worker.alive for worker in queue.workers))
    yield from (jobs, oldest, paused, workers)


def count_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    """The counters of jobs, and the histograms of their wait and run times."""
    events = CounterMetricFamily(
        "monarq_queue_events",
        "What happened to the jobs of a queue: enqueued by monarq's producers, started, succeeded, failed (including"
        " dead ones), cancelled, retried, handed_back, dead, crashed with their worker, lost to another worker.",
        labels=[*QUEUE_LABELS, "state"],
    )
    jobs = CounterMetricFamily(
        "monarq_jobs",
        "The same by job name. A crash is counted when the job has ended. A queue has at most 200 names; jobs with"
        " other names are counted as (other), those that no worker knows as (unknown).",
        labels=[*QUEUE_LABELS, "job", "state"],
    )
    wait = HistogramMetricFamily(
        "monarq_job_wait_seconds", "Time from when a job was due until it was claimed.", labels=[*QUEUE_LABELS, "job"]
    )
    run = HistogramMetricFamily(
        "monarq_job_run_seconds", "How long jobs' functions ran.", labels=[*QUEUE_LABELS, "job"]
    )
    for queue, total in snapshot.totals.items():
        for state in COUNTS:
            events.add_metric([*queue, state], getattr(total, state))
        for job, counters in snapshot.jobs[queue].items():
            for state in COUNTS:
                if state not in NOT_BY_JOB:
                    jobs.add_metric([*queue, job, state], getattr(counters, state))
            wait.add_metric([*queue, job], _buckets(counters.wait), counters.wait.sum_s)
            run.add_metric([*queue, job], _buckets(counters.run), counters.run.sum_s)
    yield from (events, jobs, wait, run)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Prometheus' buckets are cumulative."""
    below, buckets = 0, []
    for bound, count in zip((*map(repr, BOUNDS_S), "+Inf"), histogram.counts, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return buckets


_WORKER_GAUGES: Final[tuple[tuple[str, str, Callable[[WorkerStats], float]], ...]] = (
    ("up", "Whether the worker's heartbeat is on time.", lambda worker: worker.alive),
    ("draining", "Whether it only finishes its running jobs.", lambda worker: worker.draining),
    ("running_jobs", "Jobs that it is running, in all lanes.", lambda worker: worker.running),
    ("concurrency", "How many io jobs it may run at once.", lambda worker: worker.concurrency),
    (
        "cpu_ratio",
        "Its CPU usage over the last seconds, in percent of one core, including its cpu child.",
        lambda w: w.cpu_percent / 100,
    ),
    ("memory_bytes", "Its resident memory, including its cpu child.", lambda worker: worker.memory_bytes),
    (
        "loop_lag_seconds",
        "The largest delay of its event loop over the last seconds.",
        lambda worker: worker.loop_lag_s,
    ),
    (
        "abandoned_threads",
        "Threads that still run although their jobs timed out or were cancelled.",
        lambda worker: worker.abandoned_threads,
    ),
    ("uptime_seconds", "How long ago it started.", lambda worker: worker.uptime_s),
    (
        "restarts",
        "How often earlier workers of its slot in the pool died or were killed.",
        lambda worker: worker.restarts,
    ),
)


def worker_metrics(workers: Iterable[WorkerStats]) -> Iterator[Metric]:
    """The gauges of workers."""
    listed = tuple(workers)
    for name, help_text, value_of in _WORKER_GAUGES:
        gauge = GaugeMetricFamily(f"monarq_worker_{name}", help_text, labels=WORKER_LABELS)
        for worker in listed:
            gauge.add_metric([worker.worker_id, worker.host], value_of(worker))
        yield gauge
    yield from _lane_metrics(listed)


def _lane_metrics(workers: Iterable[WorkerStats]) -> Iterator[Metric]:
    """The slots of workers by lane: busy slots divided by slots is the usage of a lane."""
    labels = [*WORKER_LABELS, "lane"]
    total = GaugeMetricFamily("monarq_worker_places", "How many jobs of a lane it may run at once.", labels=labels)
    busy = GaugeMetricFamily("monarq_worker_busy_places", "Jobs of a lane that it is running.", labels=labels)
    for worker in workers:
        for lane in lane_usage(worker):
            total.add_metric([worker.worker_id, worker.host, lane.lane], lane.total)
            busy.add_metric([worker.worker_id, worker.host, lane.lane], lane.busy)
    yield from (total, busy)
