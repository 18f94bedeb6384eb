"""The measures: each function takes a case and returns rows. A row is one number, with its measure."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measuring.case import Case, Drain
from benchmarks.protocol.tasks import BURN_S, WAIT_S


@dataclass(frozen=True, slots=True)
class Row:
    """One number.

    Attributes:
        measure: what was measured.
        value: the number.
        more: further information about it.
    """

    measure: str
    value: float
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Attributes:
        drain_s: how long a backlog should last, in seconds.
        least: minimum number of jobs in a backlog.
        most: maximum number of jobs in a backlog.
        lone: number of lone jobs.
        lone_gap_s: average seconds between two of them.
        load_s: how long the half load lasts, in seconds.
        idle_s: how long an idle pool is measured, in seconds.
        io_jobs: number of io jobs that wait 50 ms.
        cpu_jobs: number of cpu jobs of 50 ms per core.
    """

    drain_s: float = 2.5
    least: int = 500
    most: int = 200_000
    lone: int = 400
    lone_gap_s: float = 0.025
    load_s: float = 4.0
    idle_s: float = 4.0
    io_jobs: int = 2000
    cpu_jobs: int = 40


SMALL = Effort(drain_s=0.2, least=100, lone=20, lone_gap_s=0.01, load_s=0.3, idle_s=0.5, io_jobs=200, cpu_jobs=4)


def quantile(values: list[float], part: float) -> float:
    """The smallest value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def backlog(case: Case, effort: Effort) -> int:
    """How many no-op jobs keep the pool busy for the time asked for."""
    guess = case.drain("noop", effort.least)
    second = case.drain("noop", int(min(max(guess.rate * effort.drain_s / 4, effort.least), effort.most)))
    return int(min(max(second.rate * effort.drain_s, effort.least), effort.most))


def no_op(case: Case, count: int) -> Iterator[Row]:
    """No-op jobs per second."""
    drained = case.drain("noop", count)
    yield Row(f"noop/s, {case.pool.processes} worker(s)", drained.rate, _costs(drained))
    if case.pool.processes == 1:
        yield Row("enqueue/s in bulk", count / drained.enqueue_s, {"jobs": count})


def payloads(case: Case, count: int) -> Iterator[Row]:
    """The same with payloads of 1 KB and 100 KB."""
    for name, size, most in (("1 KB", 1000, count), ("100 KB", 100_000, 1000)):
        drained = case.drain("noop", min(count, most), size=size)
        yield Row(f"noop/s with {name}", drained.rate, _costs(drained))


def one_by_one(case: Case, count: int) -> Iterator[Row]:
    """Enqueues per second from one coroutine, each awaited."""
    with case.pool.frozen():
        first, seconds = case.burst("noop", count, bulk=False)
    case.await_end(first, count)
    yield Row("enqueue/s one by one", count / seconds, {"jobs": count})


def lone_jobs(case: Case, effort: Effort) -> Iterator[Row]:
    """How long jobs wait that find the pool idle; they come at random times, out of step with any poll."""
    time.sleep(effort.lone_gap_s)
    draw = random.Random(1)
    at_s: list[float] = []
    now_s = 0.0
    for _ in range(effort.lone):
        now_s += draw.uniform(0.5, 1.5) * effort.lone_gap_s
        at_s.append(round(now_s, 6))
    yield from _waits(case, "lone job waits ms", "noop", at_s)


def half_load(case: Case, effort: Effort, full_rate: float) -> Iterator[Row]:
    """How long jobs wait that come at half the rate at which the pool drains a backlog."""
    rate = full_rate / 2
    at_s = [round(i / rate, 6) for i in range(int(rate * effort.load_s))]
    yield from _waits(case, "wait ms at half load", "noop", at_s, rate=rate)


def idle(case: Case, effort: Effort) -> Iterator[Row]:
    """What an idle pool costs."""
    time.sleep(min(1.0, effort.idle_s))
    cpu_s, before, begun_s = case.pool.cpu_s(), case.meter.read(), time.perf_counter()
    sent, by_scripts = case.meter.count_commands(effort.idle_s)
    took_s = time.perf_counter() - begun_s
    used = case.meter.read() - before
    yield Row("idle: % of a core", (case.pool.cpu_s() - cpu_s) / took_s * 100, {"redis_cpu": used.cpu_s / took_s * 100})
    if case.on_redis:
        yield Row("idle: Redis commands/s", sent / took_s, {"by_scripts": by_scripts / took_s})
    yield Row("idle: memory MB", case.pool.memory_bytes() / 1e6)


def io_jobs(case: Case, effort: Effort, concurrency: int) -> Iterator[Row]:
    """Jobs that wait 50 ms each: how long all take, relative to the ideal."""
    # A peer that runs one job at a time would need 100 s for 2,000, so it gets fewer.
    few = case.drain("wait", 20)
    count = 100 if few.makespan_s > 20 * WAIT_S * 0.9 else effort.io_jobs
    drained = case.drain("wait", count)
    ideal_s = math.ceil(count / concurrency) * WAIT_S
    yield Row("io: s for 2,000 jobs of 50 ms", drained.makespan_s * 2000 / count, {"jobs": count, "ideal_s": ideal_s})


def cpu_jobs(case: Case, effort: Effort) -> Iterator[Row]:
    """Jobs that compute for 50 ms each: how many cores are used."""
    count = effort.cpu_jobs * case.pool.processes
    drained = case.drain("burn", count)
    yield Row(f"cpu: cores used, {case.pool.processes} worker(s)", count * BURN_S / drained.makespan_s)


def both(case: Case, effort: Effort) -> Iterator[Row]:
    """How long io jobs wait while cpu jobs use all cores."""
    count = effort.cpu_jobs * case.pool.processes
    first, _ = case.burst("burn", count)
    case.await_end(first, 1)
    at_s = [round(i * 0.01, 6) for i in range(int(effort.cpu_jobs * BURN_S * 0.7 / 0.01))]
    yield from _waits(case, "io job waits ms, cores full", "wait", at_s)
    case.await_end(first, count)


def _waits(case: Case, name: str, job: str, at_s: list[float], **more: Any) -> Iterator[Row]:
    count = len(at_s)
    first = case.reserve(count)
    reply = case.feeder.ask(job=job, first=first, count=count, size=0, at_s=at_s)
    case.await_end(first, count)
    waits = case.waits_ms(first, count)
    more |= {"jobs": count, "late_ms": reply["late_s"] * 1000}
    for part in (0.5, 0.99, 0.999):
        yield Row(f"{name} p{part * 100:g}", quantile(waits, part), more)


def _costs(drained: Drain) -> dict[str, Any]:
    return {
        "jobs": drained.count,
        "worker_cpu_us": round(drained.worker_cpu_us, 1),
        "redis_cpu_us": round(drained.redis_cpu_us, 1),
    }
