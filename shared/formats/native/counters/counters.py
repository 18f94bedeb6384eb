"""Counters of a queue and of its jobs by name, in all or step by step. See counters.lua and series.lua."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.counters.json_counters import parse_steps, sum_counters
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.counters import MINUTES_KEPT, SECONDS_KEPT, QueueCounters, Series, Step
from monarq.shared.redis.replies import text

_COUNTERS = NativeScript.load("counters/counters")
_SERIES = NativeScript.load("counters/series")

_OTHER: Final = "(other)"
_UNKNOWN: Final = "(unknown)"


async def read_counters(redis: Redis, keys: NativeKeys, minutes: int) -> QueueCounters:
    """The counters of the last minutes, at most `MINUTES_KEPT`; 0 for those since the first job.

    Many minutes take several calls, so that Redis can do other work in between. The current minute comes first; earlier
    minutes no longer change.
    """
    minutes = min(minutes, MINUTES_KEPT)
    sums = QueueCounters(0, {}, {})
    now_ms, done = await _add_minutes(redis, keys, sums, minutes, 0)
    while done < minutes:
        done += (await _add_minutes(redis, keys, sums, minutes - done, now_ms // 60_000 - done))[1]
    return QueueCounters(now_ms, sums.queue, sums.jobs, sums.unknown)


async def _add_minutes(
    redis: Redis, keys: NativeKeys, sums: QueueCounters, minutes: int, newest: int
) -> tuple[int, int]:
    """Adds the counters of at most this many minutes; returns Redis' time and the number of minutes."""
    now_ms, known, unknown, *steps = await _COUNTERS.run_on(redis, keys, (minutes, newest))
    names = [*map(text, known), _OTHER, _UNKNOWN, *(_UNKNOWN for _ in unknown)]
    of_queue, *by_name = zip(*steps, strict=True)
    sum_counters(of_queue, sums.queue)
    for name, of_name in zip(names, by_name, strict=True):
        if any(of_name):
            sum_counters(of_name, sums.jobs.setdefault(name, {}))
    for name, of_name in zip(map(text, unknown), by_name[len(known) + 2 :], strict=True):
        if any(of_name):
            sum_counters(of_name, sums.unknown.setdefault(name, {}))
    return int(now_ms), len(steps)


async def read_series(redis: Redis, keys: NativeKeys, name: str, step: Step, length: int) -> Series:
    """The newest steps: `length` of them, at most `MINUTES_KEPT` or `SECONDS_KEPT`.

    Args:
        redis: the client.
        keys: the queue's keys.
        name: of the jobs; '' for all of the queue.
        step: the length of a step.
        length: how many steps.
    """
    length = min(length, MINUTES_KEPT if step is Step.MINUTE else SECONDS_KEPT)
    now_ms, oldest, *lists = await _SERIES.run_on(redis, keys, (step.value, length, name))
    return Series(now_ms, oldest, parse_steps(lists))
