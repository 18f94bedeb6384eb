"""Servers: one, or the nodes of a cluster. For those few who do not speak to one key at a time.

Everything else is sent by a client to whichever server holds its key, and need not know.
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
"""How often whoever listens on servers looks which of them hold a key, where nothing tells of a change."""

Holds = Callable[[str | bytes], bool]
"""Tells whether a server holds a key at present."""

Listen = Callable[[Redis, Holds], Coroutine[Any, Any, None]]
"""Listens on one server until cancelled; gets its client, and what it holds."""


Server = Address | None
"""What tells servers apart: a node of a cluster; None for the one that has all, or for one that is not known."""


class Part(Protocol):
    """Something that runs until it is cancelled."""

    async def run(self) -> None:
        """Runs until cancelled."""
        ...


P = TypeVar("P", bound=Part)


class PerServer(Generic[P]):
    """Parts of one kind, one a server, so that none waits for a server that is silent.

    Args:
        make: makes a part; called when a server is first asked for.
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
        """All parts that there are by now."""
        return iter(list(self._parts.values()))

    async def run(self) -> None:
        """Runs all parts, and those to come, until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for part in self:
                    self._group.create_task(part.run())
                await asyncio.Event().wait()
        finally:
            self._group = None


def is_cluster(redis: object) -> bool:
    """Whether a client is one of a cluster."""
    return isinstance(redis, ClusterClient)


def servers_of(redis: Redis) -> list[tuple[str, Redis]]:
    """The primaries of a cluster that are known, each with its address and a client of it; else ('', client)."""
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
    """What tells the server that holds a key from others; None of one server that has all, or of an unknown one."""
    return redis.holder_of(key) if isinstance(redis, ClusterClient) else None


async def visit_servers(
    redis: Redis, items: Sequence[T], key_of: Callable[[T], str], visit: Callable[[list[T]], Awaitable[None]]
) -> None:
    """Visits items by the servers that hold them: all servers at once, so that none waits for one that is away.

    Args:
        redis: the client.
        items: what to visit.
        key_of: a key of an item.
        visit: called with the items of one server.

    Raises:
        RedisError, OSError: the first that a visit raised, once all have ended.
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
    """Listens on each server that holds one of the keys, until cancelled; follows them when they move.

    Only who listens on the server of a key is counted, by a script there, as somebody who hears of it.
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
            with suppress(TimeoutError):  # keys may be added, too
                async with asyncio.timeout(LOOK_EVERY_S):
                    await change.wait()


async def _listen_on(cluster: ClusterClient, address: Address, listen: Listen) -> None:
    await listen(cluster.node(address).client, lambda key: cluster.holder_of(key) == address)


def call_servers(redis: Any, calls: Iterable[tuple[str, Callable[[], None]]], wait_s: float) -> None:
    """Makes blocking calls, in order; on a cluster those of all nodes at once.

    Args:
        redis: a blocking client.
        calls: a key each, and what to call.
        wait_s: how long to wait for the nodes of a cluster.

    Raises:
        RedisError, OSError: a server was not reached; other servers were called all the same.
        ResponseError: a call was refused; the others were made all the same.
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
