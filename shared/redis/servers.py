"""Servers: a single one, or the nodes of a cluster. For the few callers that do not deal with one key at a time.

Everything else is sent by a client to the server that holds the key, transparently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.clock import server_time
from monarq.shared.redis.cluster.blocking import BlockingClusterClient
from monarq.shared.redis.cluster.client import ClusterClient
from monarq.shared.redis.cluster.slots import key_slot_of
from monarq.shared.redis.cluster.topology import Address

T = TypeVar("T")

LOOK_EVERY_S: Final = 1.0
"""How often listeners check which servers hold their keys, even if no change was reported."""

Holds = Callable[[str | bytes], bool]
"""Returns whether a server currently holds a key."""

Listen = Callable[[Redis, Holds], Coroutine[Any, Any, None]]
"""Listens on one server until cancelled; takes its client, and the function that tells which keys it holds."""


Server = Address | None
"""Identifies a server: the address of a cluster node; None for a single server, or for an unknown one."""


class Part(Protocol):
    """Something that runs until it is cancelled."""

    async def run(self) -> None:
        """Runs until cancelled."""
        ...


P = TypeVar("P", bound=Part)


class PerServer(Generic[P]):
    """Parts of one kind, one per server, so that a silent server does not delay the others.

    Args:
        make: makes a part; called when a server is first used.
    """

    def __init__(self, make: Callable[[], P]) -> None:
        self._make = make
        self._parts: dict[Server, P] = {}
        self._group: asyncio.TaskGroup | None = None

    def of(self, server: Server) -> P:
        """The part of a server."""
        part = self._parts.get(server)
        if part is None:
            part = self._parts[server] = self._make()
            if self._group is not None:
                self._group.create_task(part.run())
        return part

    def __iter__(self) -> Iterator[P]:
        """All parts made so far."""
        return iter(list(self._parts.values()))

    async def run(self) -> None:
        """Runs all parts, including those made later, until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for part in self:
                    self._group.create_task(part.run())
                await asyncio.Event().wait()
        finally:
            self._group = None


def is_cluster(redis: object) -> bool:
    """Whether a client is a cluster client."""
    return isinstance(redis, ClusterClient)


def servers_of(redis: Redis) -> list[tuple[str, Redis]]:
    """The known primaries of a cluster, each as address and client; for a single server, ('', client)."""
    if not isinstance(redis, ClusterClient):
        return [("", redis)]
    return [(str(address), redis.node(address).client) for address in redis.primaries]


async def read_time(redis: Redis, key: str) -> tuple[int, int]:
    """The time of the server that holds a key: seconds and microseconds.

    Raises:
        RedisError: it did not answer.
    """
    if isinstance(redis, ClusterClient):
        [reply] = await redis.send(key_slot_of(key), [("TIME",)])
        if isinstance(reply, ResponseError):
            raise reply
    else:
        reply = await redis.time()
    seconds, micros = reply
    return server_time(int(seconds), int(micros))


def server_of(redis: Redis, key: str) -> Address | None:
    """The server that holds a key; None for a single server, or for an unknown one."""
    return redis.holder_of(key) if isinstance(redis, ClusterClient) else None


async def visit_servers(
    redis: Redis, items: Sequence[T], key_of: Callable[[T], str], visit: Callable[[list[T]], Awaitable[None]]
) -> None:
    """Visits items, grouped by server: all servers in parallel, so that an unreachable one does not delay the others.

    Args:
        redis: the client.
        items: the items.
        key_of: returns a key of an item.
        visit: called with the items of one server.

    Raises:
        RedisError, OSError: the first error of a visit, raised after all have ended.
    """
    if not isinstance(redis, ClusterClient):
        await visit(list(items))
        return
    groups: dict[Address | None, list[T]] = {}
    for item in items:
        groups.setdefault(redis.holder_of(key_of(item)), []).append(item)
    for result in await asyncio.gather(*map(visit, groups.values()), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def listen_on_servers(redis: Redis, keys: Collection[str], listen: Listen) -> None:
    """Listens on each server that holds one of the keys, until cancelled; follows keys that move.

    It must listen on the server of each key, as the scripts there count only their own server's subscribers.
    """
    if not isinstance(redis, ClusterClient):
        await listen(redis, lambda _: True)
        return
    listening: dict[Address, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            change = redis.next_change
            wanted = {holder for holder in map(redis.holder_of, keys) if holder is not None}
            for address in listening.keys() - wanted:
                listening.pop(address).cancel()
            for address in wanted - listening.keys():
                listening[address] = group.create_task(_listen_on(redis, address, listen))
            with suppress(TimeoutError):  # keys may also be added
                async with asyncio.timeout(LOOK_EVERY_S):
                    await change.wait()


async def _listen_on(cluster: ClusterClient, address: Address, listen: Listen) -> None:
    await listen(cluster.node(address).client, lambda key: cluster.holder_of(key) == address)


def call_servers(redis: Any, calls: Iterable[tuple[str, Callable[[], None]]], wait_s: float) -> None:
    """Makes blocking calls, in order; on a cluster, for all nodes in parallel.

    Args:
        redis: a blocking client.
        calls: pairs of a key and a function to call.
        wait_s: how long to wait for the nodes of a cluster.

    Raises:
        RedisError, OSError: a server was not reached; the calls to other servers were still made.
        ResponseError: a call was refused; the others were still made.
    """
    if isinstance(redis, BlockingClusterClient):
        failures = redis.in_parallel(calls, wait_s)
    else:
        failures = []
        for _, call in calls:
            try:
                call()
            except ResponseError as error:
                failures.append(error)
    if failures:
        raise failures[0]
