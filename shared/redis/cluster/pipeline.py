"""A pipeline on a cluster: its commands go to the nodes of their keys, in one piece per node, to all in parallel."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from redis.asyncio import ConnectionPool
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, ResponseError

from monarq.shared.redis.cluster.node import Node
from monarq.shared.redis.cluster.redirections import read_redirection
from monarq.shared.redis.cluster.slots import command_slot
from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.redis_errors import NotSentError

Command = tuple[Any, ...]


class Sender(Protocol):
    """What a pipeline needs of its client; see `monarq.shared.redis.cluster.client`."""

    connection_pool: ConnectionPool
    response_callbacks: Any

    @property
    def primaries(self) -> list[Address]:
        """See there."""
        ...

    async def load(self) -> None:
        """See there."""
        ...

    async def send(self, slot: int | None, commands: Sequence[Command], *, whole: bool = False) -> list[Any]:
        """See there."""
        ...

    def holder_of_slot(self, slot: int) -> Address | None:
        """See there."""
        ...

    def node(self, address: Address) -> Node:
        """See there."""
        ...


class ClusterPipeline(Pipeline):
    """See `redis.asyncio.client.Pipeline`."""

    def __init__(self, cluster: Sender, transaction: bool) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, transaction, None)
        self._cluster = cluster

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Sends the commands, and returns the replies in order.

        Args:
            raise_on_error: raise the first error reply; otherwise it is returned in its place.

        Raises:
            RedisError, OSError: a node was not reached, or did not reply. Commands to other nodes were executed.
        """
        stack = list(self.command_stack)
        await self.reset()  # type: ignore[no-untyped-call]
        answers = await self._send([tuple(command) for command, _ in stack])
        replies = [
            answer if isinstance(answer, RedisError) else self._read(answer, *called)
            for answer, called in zip(answers, stack, strict=True)
        ]
        if raise_on_error:
            for reply in replies:
                if isinstance(reply, RedisError):
                    raise reply
        return replies

    async def _send(self, commands: list[Command]) -> list[Any]:
        if not commands:
            return []
        slot = command_slot(commands[0])
        if not self.is_transaction:
            if all(command_slot(command) == slot for command in commands):
                return await self._cluster.send(slot, commands)
            return await self._send_to_many(commands)
        *queued, replies = await self._cluster.send(slot, [("MULTI",), *commands, ("EXEC",)], whole=True)
        if isinstance(replies, RedisError):
            refusals = (each for each in queued if isinstance(each, ResponseError))
            return [next(refusals, replies)] * len(commands)
        answers: list[Any] = replies
        return answers

    async def _send_to_many(self, commands: list[Command]) -> list[Any]:
        """Sends commands about several slots: in one piece per node, to all nodes in parallel."""
        cluster = self._cluster
        await cluster.load()
        by_node: defaultdict[Address | None, list[int]] = defaultdict(list)
        for at, command in enumerate(commands):
            slot = command_slot(command)
            by_node[cluster.primaries[0] if slot is None else cluster.holder_of_slot(slot)].append(at)
        replies: list[Any] = [None] * len(commands)

        async def send(address: Address | None, places: list[int]) -> None:
            left = places
            if address is not None:
                with suppress(NotSentError):
                    answers = await cluster.node(address).send([commands[at] for at in places])
                    left = []
                    for at, answer in zip(places, answers, strict=True):
                        replies[at] = answer
                        if read_redirection(answer, address) is not None:
                            left.append(at)
            for at in left:  # commands that no node has executed; each follows its own slot
                [replies[at]] = await cluster.send(command_slot(commands[at]), [commands[at]])

        await _all_of([send(address, places) for address, places in by_node.items()])
        return replies

    def _read(self, reply: Any, command: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        known = {
            name: value for name, value in options.items() if name != "keys"
        }  # for the cache that redis-py may have
        callback = self.response_callbacks.get(command[0])
        return callback(reply, **known) if callback else reply


async def _all_of(calls: list[Coroutine[Any, Any, None]]) -> None:
    """Awaits all of them; the first failure is raised after all have ended."""
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
