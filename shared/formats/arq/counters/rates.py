"""Rates of a queue: its counts over the last minutes, in steps of some seconds. See rates.lua."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.counters import FIELDS, Rates

_SCRIPT = ArqScript.load("counters/rates")
_SECONDS = 5


async def read_rates(redis: Redis, keys: QueueKeys, step_s: int, steps: int) -> Rates:
    """The newest steps, without gaps.

    Args:
        redis: the client.
        keys: the queue's keys.
        step_s: the length of a step, in seconds; a step begins at a whole multiple of it.
        steps: how many; seconds are kept for ten minutes.
    """
    now_ms, oldest_s, enqueued, *counts = await _SCRIPT.run_on(redis, keys, (step_s, steps))
    return Rates(now_ms, oldest_s, enqueued / _SECONDS, [dict(zip(FIELDS, step, strict=True)) for step in counts])
