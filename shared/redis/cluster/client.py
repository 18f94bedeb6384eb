"""The cluster client: a `RedisClient` that sends each command to the node that holds its key.

Formats, monitors and workers use it like any client: everything that they send is about one queue, or about the fleet,
and so about one slot. It follows MOVED and ASK, waits a moment while a slot migrates, and refreshes the slot map if a
node is unreachable. It never repeats a command that may have been executed.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio.client import Pipeline, PubSub
from redis.exceptions import ResponseError

from monarq.shared.errors import ProducerClosedError
from monarq.shared.redis.client import CONNECTIONS, RedisClient
from monarq.shared.redis.cluster.node import Node
from monarq.shared.redis.cluster.pipeline import ClusterPipeline
from monarq.shared.redis.cluster.redirections import (
    MOST_STEPS,
    PAUSES_S,
    Redirect,
    Redirection,
    read_redirection,
    unsettled_error,
)
from monarq.shared.redis.cluster.slots import command_slot, key_slot_of
from monarq.shared.redis.cluster.topology import Address, Topology
from monarq.shared.redis.private_pool import PrivatePool
from monarq.shared.redis.redis_errors import REDIS_ERRORS, UNKNOWN_COMMAND, NotSentError
from monarq.shared.redis.scripts import Argument

Command = tuple[Argument, ...]

REFRESH_EVERY_S: Final = 0.5
"""The shortest interval between refreshes of the slot map, so that a fleet that has lost a node does not flood the
others."""

ASK_S: Final = 2.0
"""How long a node may take to reply to this."""

FORGET_AFTER_S: Final = 60.0
"""How long a node that has left the cluster keeps its connections."""

_ASKING: Final[Command] = ("ASKING",)


class ClusterClient(RedisClient):
    """A client of all nodes of a cluster, for one event loop.

    Args:
        seeds: the nodes that are asked first.
        pool: a template for the connections to nodes; it makes no connections itself.
        shown: the cluster's address for messages, without secrets.
        timeout_s: seconds that one call to a node may take, including connecting.
        connections: the most connections to open to a node.
    """

    def __init__(
        self,
        seeds: Sequence[Address],
        pool: PrivatePool,
        *,
        shown: str,
        timeout_s: float,
        connections: int = CONNECTIONS,
    ) -> None:
        super().__init__(pool, shown=shown, timeout_s=timeout_s, connections=connections)
        self._seeds = tuple(seeds)
        self._node_pool = pool
        self._node_timeout_s = timeout_s
        self._node_connections = connections
        self._topology = Topology()
        self._nodes: dict[Address, Node] = {}
        self._suspects: set[Address] = set()
        self._refreshing = asyncio.Lock()
        self._refreshed_s = -math.inf
        self._changed = asyncio.Event()

    def like(self, *, timeout_s: float, connections: int = CONNECTIONS) -> ClusterClient:
        """Another client of the same cluster, with its own connections."""
        pool = self._node_pool.copy()
        return ClusterClient(self._seeds, pool, shown=self.shown, timeout_s=timeout_s, connections=connections)

    async def execute(self, *commands: Command, raises: bool = True) -> list[Any]:
        """Sends commands about one slot, in one piece unless the slot moves; see `RedisClient.execute`."""
        replies = await self.send(command_slot(commands[0]), commands)
        if raises:
            for reply in replies:
                if isinstance(reply, ResponseError):
                    raise reply
        return replies

    async def send(self, slot: int | None, commands: Sequence[Command], *, whole: bool = False) -> list[Any]:
        """Sends commands to the node that holds a slot, and redirected ones to the right node.

        Args:
            slot: the slot that they are all about; None for any node.
            commands: the commands.
            whole: whether they are a transaction: if one was redirected, none was executed.

        Returns:
            Their replies, including error replies, such as TRYAGAIN if the slot does not settle in time.

        Raises:
            NotSentError: no connection could be made; nothing was executed.
            RedisError, OSError: it is unknown whether they, or the last of them, were executed.
        """
        replies: list[Any] = [None] * len(commands)
        left = list(range(len(commands)))
        to: Address | None = None
        is_asking = False
        pauses = iter(PAUSES_S)
        last: Any = None
        for _ in range(MOST_STEPS):
            node = self.node(await self._holder(slot) if to is None else to)
            sent = [commands[at] for at in left]
            try:
                answers = await node.send([part for each in sent for part in (_ASKING, each)] if is_asking else sent)
            except REDIS_ERRORS as error:
                self._suspects.add(node.address)
                if isinstance(error, NotSentError) and await self._is_elsewhere(slot, node.address):
                    to, is_asking = None, False
                    continue
                raise
            redirected = _sort(answers[1::2] if is_asking else answers, left, replies, node.address)
            if not redirected:
                return replies
            last = replies[redirected[0][0]]  # the other commands of a transaction have other replies
            left = list(range(len(commands))) if whole else [at for at, _ in redirected]
            redirection = redirected[0][1]
            if redirection.what is Redirect.MOVED:
                to, is_asking = redirection.address, False
                await self._move(redirection)
            elif redirection.what is Redirect.ASK and not whole:
                to, is_asking = redirection.address, True
            elif (pause_s := next(pauses, None)) is None:
                break
            else:
                await asyncio.sleep(pause_s)
                self._suspects.add(node.address)  # another node may hold the slot by now
                to, is_asking = None, False
        for at in left:
            replies[at] = unsettled_error(slot, last, node.address)
        return replies

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """A pipeline. Each of its commands goes to the node of its key. A transaction must be about one slot."""
        return ClusterPipeline(self, transaction)

    def pubsub(self, **options: Any) -> PubSub:
        """Not supported, as a subscriber must choose the node; see `monarq.shared.redis.servers`."""
        raise NotImplementedError("a subscription is on one node of a cluster: use monarq.shared.redis.servers")

    async def load(self) -> None:
        """Loads the slot map, unless it is known.

        Raises:
            NotSentError: no node of the cluster could be reached.
            ResponseError: the server is not a node of a cluster, or the user lacks the right to ask.
        """
        if not self._topology.primaries:
            await self._refresh()

    def holder_of(self, key: str | bytes) -> Address | None:
        """The node that holds a key, as far as known."""
        return self.holder_of_slot(key_slot_of(key))

    def holder_of_slot(self, slot: int) -> Address | None:
        """The node that holds a slot, as far as known."""
        return self._topology.holder(slot)

    @property
    def primaries(self) -> list[Address]:
        """The nodes that hold slots, as far as known, in order."""
        return sorted(self._topology.primaries)

    @property
    def next_change(self) -> asyncio.Event:
        """An event that is set when any slot moves to another node; each change has its own event."""
        return self._changed

    def node(self, address: Address) -> Node:
        """The node at an address."""
        found = self._nodes.get(address)
        if found is None:
            if self._closed:
                raise ProducerClosedError
            found = self._nodes[address] = Node(address, self._make_client(address))
        return found

    def filenos(self) -> list[int]:
        """The file descriptors of all connections, which must be closed in a fork."""
        return [fileno for node in self._nodes.values() for fileno in node.client.filenos()]

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Closes all connections at once; callers that await a reply get an error. May be called more than once."""
        await super().aclose(close_connection_pool)
        await _close(self._nodes.values())

    def _make_client(self, address: Address) -> RedisClient:
        return RedisClient(
            self._node_pool.copy(address.host, address.port),
            shown=f"{address} of {self.shown}",
            timeout_s=self._node_timeout_s,
            connections=self._node_connections,
        )

    async def _holder(self, slot: int | None) -> Address:
        """The node that holds a slot, or any primary. If the known one has failed, other nodes are asked first."""
        found = self._known_holder(slot)
        if found is None or found in self._suspects:
            try:
                await self._refresh()
            except REDIS_ERRORS:
                if found is None:
                    raise
            found = self._known_holder(slot)
        if found is None:
            raise NotSentError(f"no node of the cluster holds slot {slot}")
        return found

    def _known_holder(self, slot: int | None) -> Address | None:
        if slot is not None:
            return self._topology.holder(slot)
        primaries = self.primaries
        return next((each for each in primaries if each not in self._suspects), primaries[0] if primaries else None)

    async def _is_elsewhere(self, slot: int | None, failed: Address) -> bool:
        """Whether the slot has moved to another node."""
        with suppress(*REDIS_ERRORS):
            await self._refresh()
        return self._known_holder(slot) not in {None, failed}

    async def _move(self, redirection: Redirection) -> None:
        """Records the new node of a slot, and asks it for all others, as a failover or a reshard moves many."""
        with suppress(*REDIS_ERRORS):
            await self._refresh(redirection.address)
        if self._topology.move(redirection.slot, redirection.address):
            self._tell_change()

    async def _refresh(self, first: Address | None = None) -> None:
        """Asks one node after another for the slot map, but not too often."""
        async with self._refreshing:
            if time.monotonic() - self._refreshed_s < REFRESH_EVERY_S:
                return
            failure: BaseException | None = None
            try:
                for address in self._topology.candidates(self._seeds, self._suspects, first):
                    try:
                        await self._ask(address)
                        return
                    except (*REDIS_ERRORS, TimeoutError) as error:
                        failure = error if failure is None or isinstance(error, ResponseError) else failure
            finally:
                self._refreshed_s = time.monotonic()
            if isinstance(failure, ResponseError):
                raise failure
            raise NotSentError("no node of the cluster answers") from failure

    async def _ask(self, address: Address) -> None:
        async with asyncio.timeout(ASK_S):
            [reply] = await self.node(address).send([("CLUSTER", "SLOTS")])
        if isinstance(reply, ResponseError):
            if "cluster support disabled" in str(reply):
                raise ResponseError(f"{address} is not a node of a Redis Cluster: use redis://host:port for it")
            if UNKNOWN_COMMAND in str(reply):
                raise ResponseError(
                    f"{address} is not a node of a Redis Cluster: if it is a sentinel, use"
                    " redis+sentinel://host:port/SERVICE"
                )
            raise reply
        is_new = self._topology.replace(reply, address)
        self._suspects.clear()
        if is_new:
            self._tell_change()
        await self._forget_nodes()

    def _tell_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _forget_nodes(self) -> None:
        """Closes the connections to nodes that have left the cluster a while ago."""
        kept, now_s = {*self._topology, *self._seeds}, time.monotonic()
        gone = [
            node
            for address, node in self._nodes.items()
            if address not in kept and now_s - node.used_s > FORGET_AFTER_S
        ]
        for node in gone:
            del self._nodes[node.address]
        await _close(gone)


async def _close(nodes: Iterable[Node]) -> None:
    await asyncio.gather(*(node.aclose() for node in nodes))


def _sort(
    answers: Sequence[Any], places: Sequence[int], replies: list[Any], sender: Address
) -> list[tuple[int, Redirection]]:
    """Puts the replies into their places, and returns the places of redirected commands."""
    redirected = []
    for at, answer in zip(places, answers, strict=True):
        replies[at] = answer
        redirection = read_redirection(answer, sender)
        if redirection is not None:
            redirected.append((at, redirection))
    return redirected
