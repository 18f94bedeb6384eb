"""What a process knows of a queue's shards: nothing at first, which is one shard, then what refusals and reads tell."""

from __future__ import annotations

import math
import time
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.queues.shards import read_shards
from monarq.shared.formats.native.shards import ONE, Shards

RAISED_AFTER_S: Final = 1.0
"""How often it is looked, while the number of shards is raised, whether the new ones take jobs."""


class KnownShards:
    """What is known of one queue.

    Attributes:
        shards: the newest number.
    """

    def __init__(self, name: str, shards: Shards = ONE) -> None:
        self.shards = shards
        self._name = name
        self._read_s = -math.inf

    def learn(self, told: Shards) -> bool:
        """Takes what a shard told; whether that was news. The number only rises, while the queue is there."""
        if (told.count, told.opened) <= (self.shards.count, self.shards.opened):
            return False
        self.shards = told
        return True

    async def refresh(self, redis: Redis, older_than_s: float = 0.0, *, may_be_lost: bool = False) -> bool:
        """Reads the number again where it was read so long ago; whether that was news.

        Args:
            redis: the client.
            older_than_s: nothing is read where that was done less than so long ago.
            may_be_lost: whether a smaller number is believed, too: a shard has said that it knows of none. Then all of
                the queue was deleted, and somebody has begun it anew.

        Raises:
            RedisError: Redis did not answer.
        """
        now_s = time.monotonic()
        if now_s < self._read_s + older_than_s:
            return False
        [told] = await read_shards(redis, [self._name])
        self._read_s = now_s
        now = told or ONE
        if now.count < self.shards.count and (told is None or may_be_lost):
            self.shards = now
            return True
        return self.learn(now)

    async def refresh_while_raised(self, redis: Redis) -> None:
        """Looks now and then whether new shards take jobs, as long as they do not.

        Raises:
            RedisError: Redis did not answer.
        """
        if self.shards.opened < self.shards.count:
            await self.refresh(redis, RAISED_AFTER_S)
