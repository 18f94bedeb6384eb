"""What a process knows about a queue's shards: at first one shard, then what refusals and reads tell."""

from __future__ import annotations

import math
import time
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.queues.shards import read_shards
from monarq.shared.formats.native.shards import ONE, Shards

RAISED_AFTER_S: Final = 1.0
"""How often to check whether new shards accept jobs, while the number of shards is being raised."""


class KnownShards:
    """The known shards of one queue.

    Attributes:
        shards: the newest known number.
    """

    def __init__(self, name: str, shards: Shards = ONE) -> None:
        self.shards = shards
        self._name = name
        self._read_s = -math.inf

    def learn(self, told: Shards) -> bool:
        """Takes over what a shard told; returns whether it was new. While the queue exists, the number only grows."""
        if (told.count, told.opened) <= (self.shards.count, self.shards.opened):
            return False
        self.shards = told
        return True

    async def refresh(self, redis: Redis, older_than_s: float = 0.0, *, may_be_lost: bool = False) -> bool:
        """Reads the number again if it is this old; returns whether it has changed.

        Args:
            redis: the client.
            older_than_s: nothing is read if the last read was less than this long ago.
            may_be_lost: whether to accept a smaller number, because a shard has none: then the whole queue was deleted
                and created again.

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
        """Checks now and then whether new shards accept jobs, until they do.

        Raises:
            RedisError: Redis did not answer.
        """
        if self.shards.opened < self.shards.count:
            await self.refresh(redis, RAISED_AFTER_S)
