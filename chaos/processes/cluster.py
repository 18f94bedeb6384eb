"""A local Redis Cluster, whose nodes are killed and whose slots are moved."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from chaos.processes.redis_server import RedisServer
from monarq.shared.redis.connection import open_redis

NODE_TIMEOUT_MS: Final = 2000
"""How long the nodes of a cluster wait for a node before they consider it failed, in ms."""

SLOTS: Final = 16384
_BUS: Final = 10_000
"""The difference between a node's port for other nodes and its port for clients."""


class ClusterNode(RedisServer):
    """One node.

    Attributes:
        id: its id in the cluster.
    """

    id: str = ""

    async def ask(self, *words: str | int) -> Any:
        """The node's own reply to a command, decoded."""
        async with Redis(port=self.port, decode_responses=True) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]


class Cluster:
    """Primaries with an equal share of the slots each, and the given number of replicas of each.

    Attributes:
        nodes: all nodes; at first the primaries come before the replicas.
        client: a client of the whole cluster.
    """

    def __init__(
        self, directory: Path, *, primaries: int = 3, replicas: int = 0, full_coverage: bool = True, **options: str
    ) -> None:
        settings = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-require-full-coverage": "yes" if full_coverage else "no",
        }
        ports = _free_ports(primaries * (1 + replicas))
        self.nodes = [
            ClusterNode(
                directory / f"node-{port}",
                port=port,
                options=settings | {k.replace("_", "-"): v for k, v in options.items()},
            )
            for port in ports
        ]
        self._primaries = primaries
        self.client: Redis = open_redis(self.url)

    @property
    def url(self) -> str:
        """Its URL for clients."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes[:3])}"

    async def start(self) -> None:
        """Starts all nodes; returns when each knows the others and all slots are served."""
        await asyncio.gather(*(node.start() for node in self.nodes))
        primaries, replicas = self.nodes[: self._primaries], self.nodes[self._primaries :]
        for number, node in enumerate(self.nodes):
            node.id = await node.ask("CLUSTER", "MYID")
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        for number, node in enumerate(primaries):
            first, last = SLOTS * number // len(primaries), SLOTS * (number + 1) // len(primaries) - 1
            await node.ask("CLUSTER", "ADDSLOTS", *range(first, last + 1))
        await self._until(self._all_met)
        for number, node in enumerate(replicas):
            await node.ask("CLUSTER", "REPLICATE", primaries[number % len(primaries)].id)
        await self.until_whole()

    async def stop(self) -> None:
        """Stops all nodes."""
        await self.client.aclose()
        await asyncio.gather(*(node.stop() for node in self.nodes))

    async def until_whole(self) -> None:
        """Waits until every running node sees all slots served, and all replicas are in sync."""
        await self._until(self._is_whole)

    async def holder(self, key: str) -> ClusterNode:
        """The primary that serves a key's slot."""
        return await self._holder_of_slot(key_slot(key.encode()))

    async def other_primary(self, holder: ClusterNode, rng: random.Random | None = None) -> ClusterNode:
        """A primary other than this one: the first, or a random one."""
        found = [node for node in self.nodes if node is not holder and node.is_running and await self._is_primary(node)]
        return rng.choice(found) if rng else found[0]

    async def move_slot(self, key: str, to: ClusterNode, *, pause_s: float = 0.0, keys_a_call: int = 100) -> None:
        """Moves the slot of a key to another primary step by step, as resharding tools do.

        Args:
            key: a key of the slot.
            to: the primary that gets it.
            pause_s: how long to wait between the steps, in seconds.
            keys_a_call: how many keys to send per call.
        """
        slot = key_slot(key.encode())
        source = await self._holder_of_slot(slot)
        await self.begin_move(slot, source, to)
        await asyncio.sleep(pause_s)
        await self.send_keys(slot, source, to, keys_a_call=keys_a_call, pause_s=pause_s)
        await self.end_move(slot, source, to)

    async def begin_move(self, slot: int, source: ClusterNode, to: ClusterNode) -> None:
        """Marks the slot as migrating."""
        await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        await source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)

    async def send_keys(
        self, slot: int, source: ClusterNode, to: ClusterNode, *, keys_a_call: int = 100, pause_s: float = 0.0
    ) -> None:
        """Moves the slot's keys."""
        while keys := await source.ask("CLUSTER", "GETKEYSINSLOT", slot, keys_a_call):
            await source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 10_000, "KEYS", *keys)
            await asyncio.sleep(pause_s)

    async def end_move(self, slot: int, source: ClusterNode, to: ClusterNode) -> None:
        """Tells the primaries which of them serves the slot from now on."""
        others = [node for node in self.nodes if node not in (to, source)]
        for node in (to, source, *others):
            if node.is_running and await self._is_primary(node):
                await node.ask("CLUSTER", "SETSLOT", slot, "NODE", to.id)

    async def until_without(self, node: ClusterNode) -> None:
        """Waits until other nodes serve all slots."""

        async def is_replaced() -> bool:
            running = [each for each in self.nodes if each.is_running and each is not node]
            return all([await _holds_all(each, apart_from=node.port) for each in running])

        await self._until(is_replaced)

    async def _until(self, is_there: Any, longest_s: float = 60.0) -> None:
        deadline_s = time.monotonic() + longest_s
        while True:
            with suppress(RedisError, OSError):
                if await is_there():
                    return
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the cluster is not ready after {longest_s:g} s")
            await asyncio.sleep(0.02)

    async def _all_met(self) -> bool:
        counts = [len((await node.ask("CLUSTER", "NODES")).splitlines()) for node in self.nodes]
        return set(counts) == {len(self.nodes)}

    async def _is_whole(self) -> bool:
        running = [node for node in self.nodes if node.is_running]
        replication = [await node.ask("INFO", "replication") for node in running]
        replicas = [each for each in replication if each["role"] == "slave"]
        return (
            len(running) - len(replicas) == self._primaries
            and all(each["master_link_status"] == "up" for each in replicas)
            and all([await _holds_all(node) for node in running])
        )

    async def _is_primary(self, node: ClusterNode) -> bool:
        return str((await node.ask("INFO", "replication"))["role"]) == "master"

    async def _holder_of_slot(self, slot: int) -> ClusterNode:
        for node in self.nodes:
            if node.is_running:
                with suppress(RedisError, OSError):
                    for first, last, primary, *_ in await node.ask("CLUSTER", "SLOTS"):
                        if first <= slot <= last:
                            return next(each for each in self.nodes if each.port == primary[1])
        raise LookupError(f"no node serves slot {slot}")


async def _holds_all(node: ClusterNode, apart_from: int | None = None) -> bool:
    """Whether a node sees all slots served, and none of them by the node with this port."""
    if "cluster_state:ok" not in await node.ask("CLUSTER", "INFO"):
        return False
    slots = await node.ask("CLUSTER", "SLOTS")
    held = sum(last - first + 1 for first, last, *_ in slots)
    return held == SLOTS and all(primary[1] != apart_from for _, _, primary, *_ in slots)


def _free_ports(count: int) -> list[int]:
    """Free ports whose ports for other nodes are free, too."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(20_000, 32_000)
        if port not in found and _is_free(port) and _is_free(port + _BUS):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
