"""The list of all queues, without obsolete ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.shards import read_tags
from monarq.shared.formats.native.shards import name_of
from monarq.shared.formats.native.workers.fleet import read_queues, review_queues

_PADS: Final = 1
"""Fields of the payloads that are not jobs."""


async def known_queues(redis: Redis) -> list[str]:
    """The queues that were used within a week, hold jobs or are paused, most recently used first; at most 1,000.

    Each unused queue is checked here once a week, as only readers of the list depend on its being complete.

    Raises:
        RedisError: Redis did not answer.
    """
    listed = await read_queues(redis)
    if not listed.unused:
        return listed.names
    holding: set[str] = set(listed.unused)
    with suppress(RedisError, OSError):  # a node of a cluster may be unreachable: its queues are still listed
        holding = await _find_holding(redis, listed.unused)
        empty = [name for name in listed.unused if name not in holding]
        await review_queues(redis, holding=sorted(holding), empty=empty)
    return [name for name in listed.names if name in holding or name not in listed.unused]


async def _find_holding(redis: Redis, names: Sequence[str]) -> set[str]:
    """Those of some queues that hold jobs or dead letters, in any of their shards, or are paused."""
    tags = await read_tags(redis, names)
    calls: Any = redis.pipeline(transaction=False)
    for tag in tags:
        ask_holding(calls, NativeKeys.of(tag))
    replies = iter(await calls.execute(raise_on_error=False))
    return {name_of(tag) for tag in tags if read_holding(next(replies), next(replies), next(replies))}


def ask_holding(calls: Any, keys: NativeKeys) -> None:
    """Puts three calls into a pipeline, for `read_holding`."""
    calls.hlen(keys.key("payloads"))
    calls.zcard(keys.key("dead"))
    calls.hget(keys.key("meta"), "paused")


def read_holding(payloads: object, dead: object, paused: object) -> bool:
    """Whether a shard holds jobs or dead letters, or is paused; also true if its server did not answer."""
    if not isinstance(payloads, int) or not isinstance(dead, int):
        return True
    return payloads > _PADS or dead > 0 or paused is not None
