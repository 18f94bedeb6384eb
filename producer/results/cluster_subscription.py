"""Subscriptions on a cluster. Each channel is subscribed to on its queue's node, whose scripts count subscribers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from monarq.producer.results.subscription import Subscription, SubscriptionHandler
from monarq.shared.redis.backoff import Backoff
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.cluster.client import ClusterClient
from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.redis_errors import REDIS_ERRORS


class ClusterSubscription:
    """One `Subscription` per node; channels follow their queues. It has the interface of a single `Subscription`.

    Args:
        cluster: provides the connections.
        handler: gets the messages.
    """

    def __init__(self, cluster: ClusterClient, handler: SubscriptionHandler) -> None:
        self._cluster = cluster
        self._handler = handler
        self._places: dict[str, Address | None] = {}
        self._parts: dict[Address, Subscription] = {}
        self._added = asyncio.Event()

    def add(self, channel: str) -> None:
        """See `Subscription`."""
        self._place(channel)
        self._added.set()

    async def subscribe_pending(self) -> None:
        """See `Subscription`. A node that is unreachable does not affect the others."""
        for part in self._parts.values():
            with suppress(*REDIS_ERRORS):  # the node's own task meets the same error and reconnects
                await part.subscribe_pending()

    async def run(self) -> None:
        """Listens while any channel is wanted, and moves channels whose queues have moved. Never returns."""
        await self._added.wait()
        await self._load()
        running: dict[Address, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                change = self._cluster.next_change
                self._added.clear()
                for channel in self._places:
                    self._place(channel)
                for address in self._parts.keys() - running.keys():
                    running[address] = group.create_task(self._parts[address].run())
                await _first_of(change, self._added)

    async def _load(self) -> None:
        backoff = Backoff()
        while True:
            with suppress(*REDIS_ERRORS):
                return await self._cluster.load()
            await asyncio.sleep(backoff.next_s())

    def _place(self, channel: str) -> None:
        """Assigns a channel to the node that now has its queue; until that has subscribed, messages may be missed."""
        before, holder = self._places.get(channel), self._cluster.holder_of(channel)
        self._places[channel] = holder
        if before is not None and before != holder:
            self._parts[before].discard(channel)
            self._handler.on_unsubscribed([channel])
        if holder is not None:
            if holder not in self._parts:
                self._parts[holder] = Subscription(self._cluster.node(holder).client, self._handler)
            self._parts[holder].add(channel)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def open_subscription(redis: RedisClient, handler: SubscriptionHandler) -> Subscription | ClusterSubscription:
    """The subscription of a producer's client."""
    return ClusterSubscription(redis, handler) if isinstance(redis, ClusterClient) else Subscription(redis, handler)
