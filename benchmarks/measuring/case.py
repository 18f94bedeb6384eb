"""A case: one peer's producer and pool on an empty server, its timestamps, and the parts of measurements."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measuring.meter import Meter
from benchmarks.protocol import timestamps as columns
from benchmarks.protocol.launch import URL
from benchmarks.protocol.timestamps import ENDED, ENQUEUED, STARTED, Timestamps
from benchmarks.running.environments import Environment
from benchmarks.running.processes import FeederProcess, Pool, wait_until

ROWS: Final = 2_000_000
START_S: Final = 30.0
DRAIN_S: Final = 90.0
SETTLE_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Drain:
    """The figures of jobs that were all enqueued before the workers began.

    Attributes:
        first: the number of the first job.
        count: how many.
        enqueue_s: how long it took to enqueue them, in seconds.
        rate: jobs per second between 5 % and 95 % of them.
        makespan_s: from the first start to the last end, in seconds.
        worker_cpu_us: processor time of the pool per job, in µs.
        redis_cpu_us: processor time of Redis per job, in µs.
    """

    first: int
    count: int
    enqueue_s: float
    rate: float
    makespan_s: float
    worker_cpu_us: float
    redis_cpu_us: float


class Case:
    """One peer at work with a number of processes.

    Attributes:
        timestamps: the timestamps of its jobs.
        pool: its workers.
        feeder: its producer.
        meter: its Redis.
        on_redis: whether it uses Redis.
    """

    def __init__(
        self, timestamps: Timestamps, pool: Pool, feeder: FeederProcess, meter: Meter, *, on_redis: bool
    ) -> None:
        self.timestamps = timestamps
        self.pool = pool
        self.feeder = feeder
        self.meter = meter
        self.on_redis = on_redis
        self._at = 0

    def reserve(self, count: int) -> int:
        """Reserves numbers for jobs; returns the first of them.

        Raises:
            ValueError: no rows are left.
        """
        first, self._at = self._at, self._at + count
        if self._at > self.timestamps.rows:
            raise ValueError(f"the timestamps have {self.timestamps.rows} rows, but {self._at} are needed")
        return first

    def burst(self, job: str, count: int, *, size: int = 0, bulk: bool = True) -> tuple[int, float]:
        """Enqueues jobs as fast as the producer can; returns the first job's number and the seconds."""
        first = self.reserve(count)
        reply = self.feeder.ask(job=job, first=first, count=count, size=size, bulk=bulk)
        return first, reply["seconds"]

    def await_end(self, first: int, count: int, limit_s: float = DRAIN_S) -> None:
        """Waits until these jobs have ended.

        Raises:
            BrokenError: they have not ended in time.
        """
        at = first

        def all_ended() -> bool:
            nonlocal at
            at = self.timestamps.ended_until(at, first + count)
            return at == first + count

        wait_until(all_ended, limit_s, self.pool, f"{count} jobs", step_s=0.02)

    def drain(self, job: str, count: int, *, size: int = 0, bulk: bool = True) -> Drain:
        """Enqueues jobs while the workers are frozen, then lets them run."""
        with self.pool.frozen():
            first, enqueue_s = self.burst(job, count, size=size, bulk=bulk)
            cpu_s, before = self.pool.cpu_s(), self.meter.read()
        self.await_end(first, count)
        time.sleep(SETTLE_S)
        cpu_s, used = self.pool.cpu_s() - cpu_s, self.meter.read() - before
        ended = sorted(self.timestamps.column(ENDED, first, count))
        low, high = int(count * 0.05), int(count * 0.95) - 1
        started = min(self.timestamps.column(STARTED, first, count))
        return Drain(
            first,
            count,
            enqueue_s,
            rate=(high - low) / max(1, ended[high] - ended[low]) * 1e9,
            makespan_s=(ended[-1] - started) / 1e9,
            worker_cpu_us=cpu_s / count * 1e6,
            redis_cpu_us=used.cpu_s / count * 1e6,
        )

    def waits_ms(self, first: int, count: int) -> list[float]:
        """How long each of these jobs waited, in ms, from just before its enqueue to its start."""
        pairs = zip(
            self.timestamps.column(ENQUEUED, first, count), self.timestamps.column(STARTED, first, count), strict=True
        )
        return [(started - enqueued) / 1e6 for enqueued, started in pairs]


@contextmanager
def open_case(
    environment: Environment,
    url: str,
    meter: Meter,
    *,
    processes: int,
    concurrency: int | None = None,
    extra: Mapping[str, str] | None = None,
) -> Iterator[Case]:
    """A case whose workers are all ready.

    Args:
        environment: the peer's environment.
        url: the URL of its server.
        meter: the meter of Redis, which is emptied first.
        processes: how many worker processes.
        concurrency: jobs that each runs at once. Default: the peer's.
        extra: further environment variables.

    Raises:
        BrokenError: no worker ran a job in time.
    """
    meter.clear()
    with tempfile.TemporaryDirectory(prefix="monarq-bench-") as folder:
        path = Path(folder) / "timestamps"
        timestamps = Timestamps.create(path, ROWS)
        variables = {columns.VARIABLE: str(path), URL: url, **(extra or {})}
        log = Path(folder) / "log"
        feeder = FeederProcess(environment, variables, log)
        try:
            pool = Pool(environment, processes, concurrency or environment.peer.concurrency, variables, log)
            try:
                case = Case(timestamps, pool, feeder, meter, on_redis=environment.peer.server == "redis")
                _await_first(case)
                yield case
            finally:
                pool.stop()
        finally:
            feeder.stop()


def _await_first(case: Case) -> None:
    """Waits until all processes have run a job, but not for ever: some peers spread few jobs unevenly."""
    first, _ = case.burst("noop", 1)
    case.await_end(first, 1, START_S)
    seen: set[int] = set()
    for _ in range(20):
        first, _ = case.burst("noop", 20 * case.pool.processes)
        case.await_end(first, 20 * case.pool.processes, START_S)
        seen |= set(case.timestamps.column(columns.PROCESS, first, 20 * case.pool.processes))
        if len(seen) >= case.pool.processes:
            return
        time.sleep(0.1)
