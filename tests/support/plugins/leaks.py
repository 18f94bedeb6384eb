"""Leaked keys, which would stay in Redis forever: those without TTL that belong to no job in a queue."""

from __future__ import annotations

import re

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, JOB_PREFIX, RESULT_PREFIX
from monarq.shared.formats.native.keys import PREFIX as NATIVE_PREFIX

_KEEPS_ITSELF = (b":cpu", b":wake", b":wake:cpu")
_NATIVE_RING = re.compile(rb"\}:[rtms]\d+$")


_LOOK = """
local lasting, queues, waiting = {}, {}, {}
for _, key in ipairs(redis.call('KEYS', '*')) do
    if redis.call('TTL', key) == -1 then
        lasting[#lasting + 1] = key
    end
    if redis.call('TYPE', key).ok == 'zset' then
        queues[#queues + 1] = key
        waiting[#waiting + 1] = redis.call('ZRANGE', key, 0, -1)
    end
end
return {lasting, queues, waiting}
"""


async def leaked_keys(redis: Redis) -> list[bytes]:
    """Keys without TTL, except queues, payloads of their jobs, and results that are kept forever.

    A native queue has a fixed set of keys, of which only those of rings expire.
    """
    lasting, queues, waiting = await redis.eval(_LOOK, 0)  # type: ignore[misc]
    waits = {job_id for ids in waiting for job_id in ids}
    return sorted(key for key in lasting if not _belongs(key, set(queues), waits))


def _belongs(key: bytes, queues: set[bytes], waiting: set[bytes]) -> bool:
    if key.startswith(NATIVE_PREFIX.encode()):
        return _NATIVE_RING.search(key) is None
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
