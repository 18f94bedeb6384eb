"""Dead letters as workers leave them."""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import write_payload


async def write_dead_letter(
    redis: Redis,
    raw_id: bytes,
    *,
    name: str = "send",
    error: str = "ValueError: no",
    args: tuple[object, ...] = (),
    queue: str = DEFAULT_QUEUE,
    payload: bytes | None = None,
    traceback: str = "",
    worker: str = "",
    crash_note: str = "",
) -> None:
    """Writes one letter, of a moment ago."""
    keys = QueueKeys.of(queue)
    seconds, _ = await redis.time()
    died_ms = int(seconds) * 1000 - 5000
    told = {
        "error": error,
        "error_type": error.partition(":")[0],
        "traceback": traceback,
        "tries": 1,
        "crashes": 1 if crash_note else 0,
        "crash_note": crash_note,
        "worker": worker,
        "home": "io",
        "enqueue_ms": died_ms - 100,
        "start_ms": died_ms - 50,
        "finish_ms": died_ms,
    }
    key = keys.dead_letter("").encode() + raw_id
    fields: dict[str | bytes, bytes | float | int | str] = {
        "name": name,
        "letter": msgspec.json.encode(told),
        "died_ms": died_ms,
        "has_payload": "1",
        "payload": payload if payload is not None else write_payload(MSGPACK, name, args, {}, died_ms),
    }
    await redis.hset(key, mapping=fields)  # type: ignore[misc]
    await redis.expire(key, 600)
    await redis.zadd(keys.dead, {raw_id: died_ms})
    await redis.expire(keys.dead, 600)
