"""Pub/sub subscription to the channels of ended jobs and progress: one connection, reopened whenever it breaks.

`ResultListener` runs it and handles its messages. Only speed depends on it: the listener also polls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Protocol

from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeoutError

from monarq.producer.results import log
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.command_retry import MAX_PAUSE_S
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.redis_errors import REDIS_ERRORS

PING_AFTER_S: Final = 5.0
"""Redis is pinged after this long without a message, to detect a dead peer."""

IDLE_LIMIT_S: Final = 5.0
"""The subscription ends after this long without a waiter: a busy queue publishes thousands of ended jobs a second."""


class SubscriptionHandler(Protocol):
    """Handles events on the channels. All methods are called on the event loop and must not block."""

    def on_subscribed(self, channel: bytes) -> None:
        """The subscription is active: from now on, no message on the channel is missed."""
        ...

    def on_message(self, channel: bytes, message: bytes) -> None:
        """A message arrived."""
        ...

    def on_unsubscribed(self, channels: Iterable[str]) -> None:
        """These channels are no longer subscribed to."""
        ...

    def idle_s(self) -> float:
        """Seconds since the last waiter left; 0 while there is one."""
        ...


class Subscription:
    """A subscription to any number of channels.

    Args:
        redis: its pool provides the connection.
        handler: gets the messages.
    """

    def __init__(self, redis: RedisClient, handler: SubscriptionHandler) -> None:
        self._redis = redis
        self._handler = handler
        self._wanted: set[str] = set()
        self._requested: set[str] = set()
        self._demand = asyncio.Event()
        self._pubsub: PubSub | None = None

    def add(self, channel: str) -> None:
        """Adds a channel; `run` or `subscribe_pending` subscribes to it as soon as possible."""
        self._wanted.add(channel)
        self._demand.set()

    def discard(self, channel: str) -> None:
        """Forgets a channel that is now subscribed to elsewhere; messages that still arrive here are duplicates."""
        self._wanted.discard(channel)
        self._requested.discard(channel)
        if not self._wanted:
            self._demand.clear()

    async def subscribe_pending(self) -> None:
        """Subscribes to the channels that were added since the connection was made.

        Raises:
            RedisError, OSError: the connection broke.
        """
        if self._pubsub is not None and self._wanted > self._requested:
            await self._subscribe(self._pubsub)

    async def run(self) -> None:
        """Listens while any channel is wanted. Never returns."""
        backoff = Backoff(longest_s=MAX_PAUSE_S)
        while True:
            await self._demand.wait()
            try:
                await self._listen(backoff)
            except REDIS_ERRORS as error:
                if not backoff.failing:
                    log.subscription_lost(self._redis.shown, error)
                await asyncio.sleep(backoff.next_s())

    async def _listen(self, backoff: Backoff) -> None:
        pubsub = self._redis.pubsub()
        try:
            await self._subscribe(pubsub)
            self._pubsub = pubsub
            if backoff.failing:
                log.subscription_restored(self._redis.shown)
            while (message := await self._next_message(pubsub)) is not None:
                backoff.reset()
                self._dispatch(message)
        finally:
            self._pubsub = None
            lost, self._requested = self._requested, set()
            self._handler.on_unsubscribed(lost)
            # The connection is dropped even if it cannot be closed cleanly.
            with suppress(*REDIS_ERRORS):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _subscribe(self, pubsub: PubSub) -> None:
        channels = self._wanted - self._requested
        self._requested |= channels
        async with asyncio.timeout(SOCKET_TIMEOUT_S):
            await pubsub.subscribe(*channels)

    async def _next_message(self, pubsub: PubSub) -> dict[str, Any] | None:
        """The next message, or None when nobody has waited for a while."""
        pinged = False
        while not self._may_disconnect():
            message: dict[str, Any] | None = await pubsub.get_message(timeout=PING_AFTER_S)
            if message is not None:
                return message
            if pinged:
                raise RedisTimeoutError(f"no message or PONG for {2 * PING_AFTER_S:g} s")
            pinged = True
            await pubsub.ping()
        return None

    def _may_disconnect(self) -> bool:
        if self._handler.idle_s() < IDLE_LIMIT_S:
            return False
        # Before the first await: channels that are added from here on belong to the next connection.
        left, self._wanted = self._wanted, set()
        self._demand.clear()
        self._handler.on_unsubscribed(left)
        return True

    def _dispatch(self, message: dict[str, Any]) -> None:
        if message["type"] == "message":
            self._handler.on_message(message["channel"], message["data"])
        elif message["type"] == "subscribe":
            self._handler.on_subscribed(message["channel"])
