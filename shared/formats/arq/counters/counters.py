"""Counters of a queue and of its jobs by name, in all or step by step. See counters.lua and series.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.counters import MINUTES_KEPT, SECONDS_KEPT, Counters, QueueCounters, Series, Step
from monarq.shared.redis.replies import text

_COUNTERS = ArqScript.load("counters/counters")
_SERIES = ArqScript.load("counters/series")


MINUTES_A_CALL: Final = 15
"""How many minutes one call adds up, so that it blocks Redis for only some milliseconds."""


async def read_counters(redis: Redis, keys: QueueKeys, minutes: int) -> QueueCounters:
    """The counters of the last minutes, at most `MINUTES_KEPT`; 0 for those since the first job.

    Many minutes take several calls, so that Redis can do other work in between. The current minute comes first; earlier
    minutes no longer change.
    """
    minutes = min(minutes, MINUTES_KEPT)
    found = await _read_minutes(redis, keys, min(minutes, MINUTES_A_CALL), 0)
    running = found.now_ms // 60_000
    for back in range(MINUTES_A_CALL, minutes, MINUTES_A_CALL):
        older = await _read_minutes(redis, keys, min(MINUTES_A_CALL, minutes - back), running - back)
        _add(found.queue, older.queue)
        for name, counters in older.jobs.items():
            _add(found.jobs.setdefault(name, {}), counters)
    return found


async def _read_minutes(redis: Redis, keys: QueueKeys, minutes: int, newest: int) -> QueueCounters:
    now_ms, queue, *by_name = await _COUNTERS.run_on(redis, keys, (minutes, newest))
    jobs = {text(name): _counters(flat) for name, flat in zip(by_name[::2], by_name[1::2], strict=True) if flat}
    return QueueCounters(now_ms, _counters(queue), jobs)


def _add(sums: Counters, counters: Counters) -> None:
    for field, count in counters.items():
        sums[field] = sums.get(field, 0) + count


async def read_series(redis: Redis, keys: QueueKeys, name: str, step: Step, length: int) -> Series:
    """The newest steps: `length` of them, at most `MINUTES_KEPT` or `SECONDS_KEPT`.

    Args:
        redis: the client.
        keys: the queue's keys.
        name: of the jobs; '' for all of the queue.
        step: the length of a step.
        length: how many steps.
    """
    length = min(length, MINUTES_KEPT if step is Step.MINUTE else SECONDS_KEPT)
    now_ms, oldest, *steps = await _SERIES.run_on(redis, keys, (step.value, length, name))
    return Series(now_ms, oldest, [_counters(flat) for flat in steps])


def _counters(flat: Sequence[bytes]) -> Counters:
    return {text(field): int(count) for field, count in zip(flat[::2], flat[1::2], strict=True)}
