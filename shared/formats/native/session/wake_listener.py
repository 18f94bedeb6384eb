"""The wake listener: one subscription for all native queues of a worker, which tells it which queues have work.

On a cluster there is one per node that holds any of them: a script only wakes listeners on its own node. Messages also
reach the others, and are skipped there.

Only speed depends on it, as waiting workers also poll now and then. So it does not report its failures; the same outage
shows in every other call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.servers import Holds, listen_on_servers

PING_AFTER_S: Final = 5.0
"""Redis is pinged after this long without a message, to detect a dead peer."""

CANCELS: Final = b"cancels"
"""The message that says that the cancellation of a running job was requested."""


class WakeListener:
    """Listens on a worker's channel.

    Args:
        worker_id: the worker.
        on_message: called with each message: the key of the waiting jobs, or `CANCELS`.
        on_listening: called when the subscription has begun or was renewed: a message may have been missed.
        keys: one of each queue.
    """

    def __init__(
        self,
        worker_id: str,
        on_message: Callable[[bytes], None],
        on_listening: Callable[[], None],
        keys: Collection[str] = (),
    ) -> None:
        self._channel = wake_channel(worker_id)
        self._keys = keys
        self._on_message = on_message
        self._on_listening = on_listening

    async def run(self, redis: Redis) -> None:
        """Listens until cancelled; no Redis error ends it."""
        await listen_on_servers(redis, self._keys, self._run_on)

    async def _run_on(self, redis: Redis, holds: Holds) -> None:
        backoff = Backoff()
        while True:
            with suppress(RedisError, OSError, TimeoutError):
                await self._listen(redis, holds, backoff)
            await asyncio.sleep(backoff.next_s())

    async def _listen(self, redis: Redis, holds: Holds, backoff: Backoff) -> None:
        pubsub = redis.pubsub()
        try:
            async with asyncio.timeout(SOCKET_TIMEOUT_S):
                await pubsub.subscribe(self._channel)
            pinged = False
            while True:
                message: dict[str, Any] | None = await pubsub.get_message(timeout=PING_AFTER_S)
                if message is None:
                    if pinged:
                        return  # no sign of life
                    await pubsub.ping()
                    pinged = True
                    continue
                pinged = False
                if message["type"] == "message":
                    if message["data"] == CANCELS or holds(message["data"]):
                        self._on_message(message["data"])
                elif message["type"] == "subscribe":
                    backoff.reset()
                    self._on_listening()
        finally:
            # The connection is dropped even if it cannot be closed cleanly.
            with suppress(RedisError, OSError, TimeoutError):
                await pubsub.aclose()  # type: ignore[no-untyped-call]
