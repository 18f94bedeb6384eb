"""Dead letters as workers leave them, for the tests of `monarq dead`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.queue_state import KEYS, QueueState, seed, server_ms, to_bytes
from tests.support.queues import ARQ_QUEUE

PAYLOAD: Final = MSGPACK.dumps({"t": None, "f": "send", "a": (1, b"\x00"), "k": {"to": "me"}, "et": 1})


def letter(
    name: str = "send",
    error: str = "ValueError: no",
    *,
    dead_s: int = 60,
    payload: bytes | None = PAYLOAD,
    home: str = "io",
) -> dict[str, str]:
    """A letter as workers leave it."""
    said = {
        "error": error,
        "error_type": error.partition(":")[0],
        "traceback": "Traceback (most recent call last):\n  here",
        "tries": 5,
        "crashes": 1,
        "crash_note": "killed",
        "worker": "host:1:aa",
        "home": home,
        "enqueue_ms": 1_000,
        "start_ms": 2_000,
        "finish_ms": 3_000,
    }
    return {
        "name": name,
        "letter": msgspec.json.encode(said).decode(),
        "payload": (payload or b"").decode("utf-8", "surrogateescape"),
        "has_payload": "0" if payload is None else "1",
        "tries": "4",
        "died_ms": str(-dead_s),
    }


async def bury(redis: Redis, queue: QueueRef = ARQ_QUEUE, **letters: dict[str, str]) -> None:
    """Leaves letters in the default queue, or a native one, by job id."""
    if queue.format == "native":
        await _bury_native(redis, NativeKeys.of(queue.name), letters)
        return
    dead = {job_id: int(said["died_ms"]) for job_id, said in letters.items()}
    await seed(redis, QueueState(letters=letters, dead=dead, results=dict.fromkeys(letters, "failed")))


async def _bury_native(redis: Redis, keys: NativeKeys, letters: dict[str, dict[str, str]]) -> None:
    now_ms = await server_ms(redis)
    pipe: Any = redis.pipeline(transaction=True)
    for job_id, said in letters.items():
        raw_id, payload = to_bytes(job_id), to_bytes(said["payload"])
        pipe.zadd(keys.key("dead"), {raw_id: now_ms + int(said["died_ms"]) * 1000})
        pipe.hset(keys.key("letters"), raw_id, f"{said['name']}\0{said['letter']}".encode())
        if said["has_payload"] == "1":
            pipe.hset(keys.key("dead_payloads"), raw_id, payload)
    await pipe.execute()


async def ids_left(redis: Redis) -> list[str]:
    return sorted(raw_id.decode() for raw_id in await redis.zrange(KEYS.dead, 0, -1))


async def ids_queued(redis: Redis) -> list[str]:
    return sorted(raw_id.decode() for raw_id in await redis.zrange(KEYS.queue, 0, -1))
