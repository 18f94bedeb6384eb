"""Counts as the native scripts do, at a time that a test chooses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.script import NativeScript
from tests.shared.formats.native.pieces import KEYS, now_ms

_COUNT: Final = """-- INCLUDES  counting
settle_counters(tonumber(ARGV[1]), redis.call('HGET', META, 'second')) -- DUE
for at = 2, #ARGV, 2 do
    redis.call('HINCRBY', LIVE, ARGV[at], ARGV[at + 1])
end
"""
_SCRIPT: Final = NativeScript.load("count", _COUNT)


async def count(
    redis: Redis, events: Mapping[str, int], name: str = "", *, at_ms: int | None = None, flushes: bool = True
) -> None:
    """Counts events of jobs of a name, or of the queue.

    Args:
        redis: the client.
        events: how often, by what is written into the buffer, such as "enqueued" or "succeeded:3:2".
        name: the jobs' name.
        at_ms: when; None for now.
        flushes: whether the call has the keys of the flush.
    """
    await count_all(redis, {f"{event}\0{name}": times for event, times in events.items()}, at_ms, flushes=flushes)


async def count_all(redis: Redis, fields: Mapping[str, int], at_ms: int | None = None, *, flushes: bool = True) -> None:
    """The same of several names, in one call."""
    assert _SCRIPT.short
    script = _SCRIPT if flushes else _SCRIPT.short
    keys = KEYS.list_of(_SCRIPT.key_names + (_SCRIPT.due_names if flushes else ()))
    pairs = [part for pair in fields.items() for part in pair]
    await script.run(redis, keys, [await now_ms(redis) if at_ms is None else at_ms, *pairs])


def counters_of(field: bytes | None) -> dict[str, int]:
    """The counters of a field."""
    counters: dict[str, int] = json.loads(field or b"{}")
    return counters
