"""Wake-ups of workers. See wake.lua."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.lane import LaneQueue

_SCRIPT = NativeScript.load("workers/wake")

_QUEUES_A_CALL: Final = 500


async def wake(redis: Redis, keys: NativeKeys, lane_queue: LaneQueue) -> None:
    """Passes on a wake-up that another worker can use.

    Raises:
        RedisError: the call failed.
    """
    await _SCRIPT.run_on(redis, keys, (), lane_queue)


async def stop_waking(redis: Redis, queues: Iterable[NativeKeys], worker_id: str) -> None:
    """Removes a worker that has ended from the lists of those to be woken.

    Raises:
        RedisError: Redis did not answer. A refusal for one queue does not affect the others.
    """
    listed = list(queues)
    for at in range(0, len(listed), _QUEUES_A_CALL):
        calls: Any = redis.pipeline(transaction=False)
        for keys in listed[at : at + _QUEUES_A_CALL]:
            calls.zrem(keys.key("idle"), worker_id)
            calls.zrem(keys.key("idle_cpu"), worker_id)
        await calls.execute(raise_on_error=False)
