"""Finds paused queues, of either format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.protocol.queue_ref import QueueRef


async def find_paused(redis: Redis, queues: Iterable[QueueRef]) -> list[QueueRef]:
    """Those of these queues that are paused, in the given order; one round trip for all.

    Raises:
        RedisError: Redis did not answer.
    """
    asked = list(queues)
    calls: Any = redis.pipeline(transaction=False)
    for queue in asked:
        if queue.format == "native":
            calls.hexists(NativeKeys.of(queue.name).key("meta"), "paused")
        else:
            calls.exists(QueueKeys.of(queue.name).paused)
    # A key of another type counts as missing.
    replies = await calls.execute(raise_on_error=False) if asked else []
    return [queue for queue, reply in zip(asked, replies, strict=True) if reply in (True, 1)]
