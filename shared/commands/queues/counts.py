"""Counts: the numbers of a queue at this moment. See counts.lua."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Script, text

_SCRIPT = Script.load("queues/counts")
_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Counts:
    """A queue at one moment.

    Attributes:
        now_ms: Redis' time.
        queued: jobs that are due and wait. Those that stock arq workers run are among them.
        deferred: jobs that are not due yet.
        running: jobs that monarq workers hold.
        dead: dead letters.
        jobs_per_s: jobs that ended, a second, over the last five whole seconds.
        oldest_s: seconds since which the oldest ready job is due, or None.
        totals: counters since the first job: enqueued, started, done, failed, retried, dead, crashed.
        workers: ids of the workers listed.
        paused: whether monarq's workers get none of its jobs.
    """

    now_ms: int
    queued: int
    deferred: int
    running: int
    dead: int
    jobs_per_s: float
    oldest_s: float | None
    totals: dict[str, int]
    workers: list[str]
    paused: bool = False


async def read_counts(redis: Redis, keys: QueueKeys) -> Counts:
    """Reads the queue's numbers, all of one moment."""
    now_ms, members, ready, running, dead, ended, age_ms, flat, workers, paused = await _SCRIPT.run(redis, keys, ())
    totals = {text(name): int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}
    return Counts(
        now_ms=now_ms,
        queued=ready,
        deferred=max(0, members - ready - running),
        running=running,
        dead=dead,
        jobs_per_s=ended / _SECONDS,
        oldest_s=None if age_ms < 0 else age_ms / 1000,
        totals=totals,
        workers=[text(worker) for worker in workers],
        paused=bool(paused),
    )
