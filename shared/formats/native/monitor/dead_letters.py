"""Reads of a queue's dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from monarq.shared.formats.native.monitor.native_queue import NativeQueue
from monarq.shared.protocol.dead_letters import DeadEntry, DeadRecord
from monarq.shared.redis.replies import read_number, text


class NativeDeadLetterReads(NativeQueue):
    """See `monarq.shared.protocol.monitor_queue.DeadLetterReads`."""

    async def count_dead(self, redis: Redis) -> int:
        """See the protocol."""
        count: int = await redis.zcard(self._keys.key("dead"))
        return count

    async def list_dead(self, redis: Redis, after: DeadEntry | float | None, limit: int) -> list[DeadEntry]:
        """See the protocol."""
        start = await self._rank_after(redis, after)
        listed = await redis.zrange(self._keys.key("dead"), start, start + limit - 1, desc=True, withscores=True)
        return [DeadEntry(raw_id, died_ms) for raw_id, died_ms in listed]

    async def _rank_after(self, redis: Redis, after: DeadEntry | float | None) -> int:
        """The rank after a letter; if it is gone, the first rank of those with the same millisecond."""
        if after is None:
            return 0
        if isinstance(after, DeadEntry):
            rank: int | None = await redis.zrevrank(self._keys.key("dead"), after.raw_id)
            if rank is not None:
                return rank + 1
            after = after.died_ms
        return int(await redis.zcount(self._keys.key("dead"), f"({after}", "+inf"))

    async def read_dead(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[DeadRecord]:
        """See the protocol."""
        if not raw_ids:
            return []
        calls: Any = redis.pipeline(transaction=True)
        calls.hmget(self._keys.key("letters"), raw_ids)
        calls.zmscore(self._keys.key("dead"), raw_ids)
        for raw_id in raw_ids:
            calls.hexists(self._keys.key("dead_payloads"), raw_id)
            calls.hstrlen(self._keys.key("dead_payloads"), raw_id)
        letters, died_ms, *payloads = await calls.execute()
        found = zip(raw_ids, letters, died_ms, payloads[::2], payloads[1::2], strict=True)
        return [
            _record(raw_id, letter, read_number(died), size if has_payload else None)
            for raw_id, letter, died, has_payload, size in found
            if letter is not None and died is not None
        ]

    async def read_dead_payload(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """See the protocol."""
        client: Any = redis
        payload: bytes | None = await client.hget(self._keys.key("dead_payloads"), raw_id)
        return payload


def _record(raw_id: bytes, letter: bytes, died_ms: int, payload_bytes: int | None) -> DeadRecord:
    name, _, record = letter.partition(b"\0")
    return DeadRecord(raw_id, text(name), record, died_ms, payload_bytes)
