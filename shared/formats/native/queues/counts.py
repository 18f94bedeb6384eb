"""Counts: the numbers of a queue at this moment. See counts.lua."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.counters.json_counters import sum_counters
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.counts import Counts

_SCRIPT = NativeScript.load("queues/counts")
_SECONDS: Final = 5
_ENDED: Final = ("succeeded", "failed", "cancelled")


async def read_counts(redis: Redis, keys: NativeKeys) -> Counts:
    """Reads the queue's numbers, all at one moment.

    A deferred job that is due counts as queued.
    """
    now_ms, queued, deferred, due, cpu, *rest = await _SCRIPT.run_on(redis, keys, ())
    alive, dead, age_ms, paused, totals, *seconds = rest
    lately = sum_counters(seconds)
    return Counts(
        now_ms=now_ms,
        queued=queued + due,
        deferred=deferred - due,
        running=max(0, alive - queued - deferred),
        dead=dead,
        jobs_per_s=sum(lately.get(counter, 0) for counter in _ENDED) / _SECONDS,
        oldest_s=None if age_ms < 0 else age_ms / 1000,
        totals=sum_counters((totals,)),
        paused=bool(paused),
        queued_cpu=cpu,
    )
