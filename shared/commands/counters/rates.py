"""Rates of a queue: its counts over the last minutes, in steps of some seconds. See rates.lua."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Script

_SCRIPT = Script.load("counters/rates")
_SECONDS = 5

FIELDS: Final = (
    *("enqueued", "started", "done", "failed", "aborted", "retried", "handed_back", "dead", "crashed", "lost"),
)
"""What is counted in a step, in the script's order."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts of a queue over the last minutes.

    Attributes:
        now_ms: Redis' time.
        oldest_s: when the first step began, unix seconds.
        enqueued_per_s: jobs that monarq's producers enqueued a second, over the last five whole seconds.
        steps: the counts of each step, by name, oldest first. The last one is not over yet.
    """

    now_ms: int
    oldest_s: int
    enqueued_per_s: float
    steps: list[dict[str, int]]


async def read_rates(redis: Redis, keys: QueueKeys, step_s: int, steps: int) -> Rates:
    """The newest steps, without gaps.

    Args:
        redis: the client.
        keys: the queue's keys.
        step_s: the length of a step, in seconds; a step begins at a whole multiple of it.
        steps: how many; seconds are kept for ten minutes.
    """
    now_ms, oldest_s, enqueued, *counts = await _SCRIPT.run(redis, keys, (step_s, steps))
    return Rates(now_ms, oldest_s, enqueued / _SECONDS, [dict(zip(FIELDS, step, strict=True)) for step in counts])
