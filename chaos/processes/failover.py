"""A primary, a replica and three sentinels of the driver's own, on loopback; the primary is killed again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import RedisError

from chaos.processes.redis_server import RedisServer, find_program, free_port
from monarq.shared.redis.connection import connection_options

NAME: Final = "chaos"
PORTS_VARIABLE: Final = "CHAOS_SENTINELS"
"""Environment variable that has the ports of the sentinels, for workers."""

QUORUM: Final = 2
DOWN_AFTER_MS: Final = 1000
FAILOVER_TIMEOUT_MS: Final = 4000


def sentinel_client(ports: Sequence[int]) -> Redis:
    """A client of whatever server the sentinels call the primary."""
    sentinel: Any = Sentinel([("127.0.0.1", port) for port in ports], **connection_options())  # type: ignore[no-untyped-call]
    return cast("Redis", sentinel.master_for(NAME))


class Trio:
    """Three sentinels that watch two servers.

    Attributes:
        ports: of the sentinels.
        client: of the primary of the moment.
    """

    def __init__(self, first: RedisServer, directory: Path) -> None:
        self.ports = tuple(free_port() for _ in range(3))
        self.client = sentinel_client(self.ports)
        self._directory = directory
        self._servers = [first, RedisServer(directory / "replica")]
        self._sentinels: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        """Makes the second server a replica of the first, and starts the sentinels."""
        first, second = self._servers
        await second.start()
        await second.command("REPLICAOF", "127.0.0.1", str(first.port))
        for port in self.ports:
            self._sentinels.append(await self._start_sentinel(port, first.port))
        await self.until_replicated()

    async def kill_primary(self) -> None:
        """Kills the primary; returns when the other server has taken over."""
        primary = await self._primary()
        [other] = [server for server in self._servers if server is not primary]
        await primary.kill()
        while await self._role(other) != "master":
            await asyncio.sleep(0.02)

    async def start_again(self) -> None:
        """Starts the server that was killed; returns when it is a replica that is in step."""
        for server in self._servers:
            if not server.is_running:
                await server.start()
        await self.until_replicated()

    async def until_replicated(self) -> None:
        """Waits until both servers are there and in step, and the sentinels know of each other and the replica."""
        async with asyncio.timeout(60):
            while not await self._is_whole():
                await asyncio.sleep(0.05)

    async def require_replica(self, count: int) -> None:
        """Sets min-replicas-to-write: with fewer replicas a primary takes no writes."""
        for server in self._servers:
            await server.command("CONFIG", "SET", "min-replicas-to-write", str(count))

    async def stop(self) -> None:
        """Ends the sentinels and the second server; the first one is the environment's."""
        await self.client.aclose()
        for process in self._sentinels:
            process.terminate()
            await process.wait()
        await self._servers[1].stop()

    async def _start_sentinel(self, port: int, watched: int) -> asyncio.subprocess.Process:
        directory = self._directory / f"sentinel-{port}"
        directory.mkdir(parents=True)
        config = directory / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {directory}\nlogfile {directory}/sentinel.log\n"
            f"sentinel monitor {NAME} 127.0.0.1 {watched} {QUORUM}\n"
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}\n"
        )
        return await asyncio.create_subprocess_exec(find_program(), str(config), "--sentinel", start_new_session=True)

    async def _primary(self) -> RedisServer:
        end_s = time.monotonic() + 20
        while time.monotonic() < end_s:
            roles = [await self._role(server) for server in self._servers]
            if roles.count("master") == 1:
                return self._servers[roles.index("master")]
            await asyncio.sleep(0.05)
        raise TimeoutError("there is no primary")

    async def _role(self, server: RedisServer) -> str:
        with suppress(RedisError, OSError):
            return str((await server.client.info("replication"))["role"])
        return ""

    async def _is_whole(self) -> bool:
        with suppress(RedisError, OSError):
            replication = [await server.client.info("replication") for server in self._servers]
            roles = sorted(str(each["role"]) for each in replication)
            linked = any(each.get("master_link_status") == "up" for each in replication)
            return roles == ["master", "slave"] and linked and all([await self._sees_all(port) for port in self.ports])
        return False

    async def _sees_all(self, port: int) -> bool:
        async with Redis(port=port, decode_responses=True) as client:
            state: dict[str, Any] = (await client.sentinel_masters())[NAME]  # type: ignore[no-untyped-call]
        return (
            state["num-other-sentinels"] == len(self.ports) - 1 and state["num-slaves"] >= 1 and not state["is_odown"]
        )
