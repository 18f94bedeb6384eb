"""Reads of a queue's dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.monitor.arq_queue import ArqQueue, job_key
from monarq.shared.protocol.dead_letters import DeadEntry, DeadRecord
from monarq.shared.redis.replies import read_number, text

_FIELDS: Final = ("name", "letter", "died_ms", "has_payload")


class ArqDeadLetterReads(ArqQueue):
    """See `monarq.shared.protocol.monitor_queue.DeadLetterReads`."""

    async def count_dead(self, redis: Redis) -> int:
        """See the protocol."""
        count: int = await redis.zcard(self._keys.dead)
        return count

    async def list_dead(self, redis: Redis, after: DeadEntry | float | None, limit: int) -> list[DeadEntry]:
        """See the protocol."""
        start = await self._rank_after(redis, after)
        listed = await redis.zrange(self._keys.dead, start, start + limit - 1, desc=True, withscores=True)
        return [DeadEntry(raw_id, died_ms) for raw_id, died_ms in listed]

    async def _rank_after(self, redis: Redis, after: DeadEntry | float | None) -> int:
        """The rank after a letter; if it is gone, the first rank of those with the same millisecond."""
        if after is None:
            return 0
        if isinstance(after, DeadEntry):
            rank: int | None = await redis.zrevrank(self._keys.dead, after.raw_id)
            if rank is not None:
                return rank + 1
            after = after.died_ms
        return int(await redis.zcount(self._keys.dead, f"({after}", "+inf"))

    async def read_dead(self, redis: Redis, raw_ids: Sequence[bytes]) -> list[DeadRecord]:
        """See the protocol."""
        calls: Any = redis.pipeline(transaction=False)
        for raw_id in raw_ids:
            calls.hmget(self._letter_key(raw_id), *_FIELDS)
            calls.hstrlen(self._letter_key(raw_id), "payload")
        replies = await calls.execute(raise_on_error=False) if raw_ids else []
        # An error is a key of another type; a letter without a time has expired.
        return [
            _record(raw_id, fields, size)
            for raw_id, fields, size in zip(raw_ids, replies[::2], replies[1::2], strict=True)
            if isinstance(fields, list) and fields[2] is not None
        ]

    async def read_dead_payload(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """See the protocol."""
        client: Any = redis
        payload, has_payload = await client.hmget(self._letter_key(raw_id), "payload", "has_payload")
        return payload if has_payload == b"1" else None

    def _letter_key(self, raw_id: bytes) -> bytes:
        return job_key(self._keys.dead_letter(""), raw_id)


def _record(raw_id: bytes, fields: Sequence[bytes | None], size: int) -> DeadRecord:
    name, letter, died_ms, has_payload = (field or b"" for field in fields)
    return DeadRecord(raw_id, text(name), letter, read_number(died_ms), size if has_payload == b"1" else None)
