"""Counts: the numbers of a queue at this moment. See counts.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.counts import Counts
from monarq.shared.redis.replies import text

_SCRIPT = ArqScript.load("queues/counts")
_SECONDS = 5


async def read_counts(redis: Redis, keys: QueueKeys) -> Counts:
    """Reads the queue's numbers, all at one moment."""
    now_ms, members, queued, running, dead, ended, age_ms, flat, paused = await _SCRIPT.run_on(redis, keys, ())
    totals = {text(name): int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}
    return Counts(
        now_ms=now_ms,
        queued=queued,
        deferred=max(0, members - queued - running),
        running=running,
        dead=dead,
        jobs_per_s=ended / _SECONDS,
        oldest_s=None if age_ms < 0 else age_ms / 1000,
        totals=totals,
        paused=bool(paused),
    )
