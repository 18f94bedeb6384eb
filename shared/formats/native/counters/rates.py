"""Rates of a queue: its counts over the last minutes, in steps of some seconds. See rates.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.counters.json_counters import parse_steps
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.counters import FIELDS, Counters, Rates

_SCRIPT = NativeScript.load("counters/rates")
_SECONDS: Final = 5


async def read_rates(redis: Redis, keys: NativeKeys, step_s: int, steps: int) -> Rates:
    """The newest steps, without gaps.

    Args:
        redis: the client.
        keys: the queue's keys.
        step_s: the length of a step, in seconds; a step begins at a whole multiple of it.
        steps: how many; seconds are kept for ten minutes.
    """
    now_ms, oldest_s, *lists = await _SCRIPT.run_on(redis, keys, (step_s, steps))
    seconds = parse_steps(lists)
    enqueued = sum(counters.get("enqueued", 0) for counters in seconds[-_SECONDS:])
    before = len(seconds) - (now_ms // 1000 - oldest_s)
    sums = [_sum_fields(seconds[at : at + step_s]) for at in range(before, len(seconds), step_s)]
    return Rates(now_ms, oldest_s, enqueued / _SECONDS, sums)


def _sum_fields(seconds: Sequence[Counters]) -> dict[str, int]:
    return {field: sum(counters.get(field, 0) for counters in seconds) for field in FIELDS}
