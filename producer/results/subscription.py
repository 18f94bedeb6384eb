"""Hears the channels on which workers tell of ended jobs: one connection, made again whenever it breaks.

`Listener` runs it and is its audience. Nothing depends on it but speed: what is not heard, the listener asks for.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final, Protocol

from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeoutError

from monarq.producer import log
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.command_retry import MAX_PAUSE_S
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.redis_errors import REDIS_ERRORS

SILENCE_S: Final = 5.0
"""After so long without a message Redis is asked for a sign of life: a peer that is gone for good sends nothing."""

LINGER_S: Final = 5.0
"""It goes on hearing for so long when nobody waits any more; a busy queue tells of thousands of jobs a second."""


class Audience(Protocol):
    """Who hears it. All of this is called on the event loop and must not block."""

    def subscribed(self, channel: bytes) -> None:
        """From now on no message on the channel is missed."""
        ...

    def told(self, channel: bytes, message: bytes) -> None:
        """A message came."""
        ...

    def unsubscribed(self) -> None:
        """Nothing is heard any more, on no channel."""
        ...

    def idle_s(self) -> float:
        """For how many seconds nobody has waited; 0 while somebody does."""
        ...


class Subscription:
    """The hearing of any number of channels.

    Args:
        redis: whose pool the connection is from.
        audience: who hears.
    """

    def __init__(self, redis: RedisClient, audience: Audience) -> None:
        self._redis = redis
        self._audience = audience
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._called = asyncio.Event()
        self._pubsub: PubSub | None = None

    def want(self, channel: str) -> None:
        """Hear this channel too, as soon as may be; `run` or `catch_up` sees to it."""
        self._wanted.add(channel)
        self._called.set()

    async def catch_up(self) -> None:
        """Subscribes to what was wanted since the connection was made.

        Raises:
            RedisError, OSError: the connection broke.
        """
        if self._pubsub is not None and self._wanted > self._asked:
            await self._subscribe(self._pubsub)

    async def run(self) -> None:
        """Hears while anything is wanted, for ever."""
        backoff = Backoff(longest_s=MAX_PAUSE_S)
        while True:
            await self._called.wait()
            try:
                await self._hear(backoff)
            except REDIS_ERRORS as error:
                if not backoff.failing:
                    log.not_hearing(self._redis.shown, error)
                await asyncio.sleep(backoff.next_s())

    async def _hear(self, backoff: Backoff) -> None:
        pubsub = self._redis.pubsub()
        try:
            await self._subscribe(pubsub)
            self._pubsub = pubsub
            if backoff.failing:
                log.hearing_again(self._redis.shown)
            while (message := await self._next_message(pubsub)) is not None:
                backoff.reset()
                self._pass_on(message)
        finally:
            self._pubsub = None
            self._asked.clear()
            self._audience.unsubscribed()
            # It is given up, whether it can be closed in order or not.
            with suppress(*REDIS_ERRORS):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _subscribe(self, pubsub: PubSub) -> None:
        channels = self._wanted - self._asked
        self._asked |= channels
        async with asyncio.timeout(SOCKET_TIMEOUT_S):
            await pubsub.subscribe(*channels)

    async def _next_message(self, pubsub: PubSub) -> dict[str, Any] | None:
        """The next message, or None when it is time to rest."""
        pinged = False
        while not self._may_rest():
            message: dict[str, Any] | None = await pubsub.get_message(timeout=SILENCE_S)
            if message is not None:
                return message
            if pinged:
                raise RedisTimeoutError(f"no sign of life for {2 * SILENCE_S:g} s")
            pinged = True
            await pubsub.ping()
        return None

    def _may_rest(self) -> bool:
        if self._audience.idle_s() < LINGER_S:
            return False
        # Before anything is awaited: what is wanted from here on belongs to the next connection.
        self._wanted.clear()
        self._called.clear()
        self._audience.unsubscribed()
        return True

    def _pass_on(self, message: dict[str, Any]) -> None:
        if message["type"] == "message":
            self._audience.told(message["channel"], message["data"])
        elif message["type"] == "subscribe":
            self._audience.subscribed(message["channel"])
