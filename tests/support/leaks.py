"""Which keys would stay in Redis for ever: those without TTL that are not part of a job that still waits."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.keys import DEFAULT_QUEUE, JOB_PREFIX, RESULT_PREFIX

_KEEPS_ITSELF = (b":cpu", b":wake", b":wake:cpu")


async def leaked_keys(redis: Redis) -> list[bytes]:
    """Keys without TTL, but for queues and the payloads of jobs in them, and results that are kept for ever."""
    queues = {key async for key in redis.scan_iter() if await redis.type(key) == b"zset"}
    waiting: set[bytes] = set()
    for queue in queues:
        waiting.update(await redis.zrange(queue, 0, -1))
    return sorted(
        [key async for key in redis.scan_iter() if await redis.ttl(key) == -1 and not _belongs(key, queues, waiting)]
    )


def _belongs(key: bytes, queues: set[bytes], waiting: set[bytes]) -> bool:
    prefix = JOB_PREFIX.encode()
    if key.startswith(prefix) and key[len(prefix) :] in waiting:
        return True
    if key.startswith(RESULT_PREFIX.encode()) or _is_pause(key):
        return True
    return key in queues and (
        not key.startswith(b"monarq:") or key.endswith(_KEEPS_ITSELF) or key == DEFAULT_QUEUE.encode()
    )


def _is_pause(key: bytes) -> bool:
    """A queue stays paused until somebody resumes it."""
    return key.startswith(b"monarq:{") and key.endswith(b"}:paused")
