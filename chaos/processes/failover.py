"""A local primary, replica and three sentinels; the primary is killed repeatedly.

Servers and sentinels may each have a password.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chaos.processes.redis_server import RedisServer, find_program, free_port
from monarq.shared.redis.connection import open_redis

NAME: Final = "chaos"
QUORUM: Final = 2
DOWN_AFTER_MS: Final = 1000
FAILOVER_TIMEOUT_MS: Final = 4000


class Trio:
    """Three sentinels that watch two servers.

    Args:
        first: the primary, with the password of both servers; the caller starts and stops it.
        directory: where the other processes keep their files.
        password: the sentinels' password; '' for none.

    Attributes:
        ports: the sentinels' ports.
        url: the URL by which clients find the primary.
        client: a client of the current primary.
    """

    def __init__(self, first: RedisServer, directory: Path, *, password: str = "") -> None:
        self.ports = tuple(free_port() for _ in range(3))
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        query = f"?sentinel_password={quote(password, safe='')}" if password else ""
        front = f":{first.password}@" if first.password else ""
        self.url = f"redis+sentinel://{front}{hosts}/{NAME}{query}"
        self.client = open_redis(self.url)
        self._replicas = 0
        self._password = password
        self._directory = directory
        self._servers = [first, RedisServer(directory / "replica", password=first.password)]
        self._sentinels: dict[int, asyncio.subprocess.Process] = {}

    async def start(self) -> None:
        """Starts the second server as a replica of the first, and the sentinels."""
        first, second = self._servers
        await second.start()
        await second.command("REPLICAOF", "127.0.0.1", str(first.port))
        for port in self.ports:
            self._sentinels[port] = await self._start_sentinel(port, first)
        await self.until_replicated()

    async def switch(self) -> None:
        """Has the sentinels promote the replica; returns when they name it as the primary.

        The old primary keeps running, and does not learn of it for the next 10 s.
        """
        _, other = await self.roles()
        async with self._sentinel(self.ports[0]) as sentinel:
            await sentinel.execute_command("SENTINEL FAILOVER", NAME)  # type: ignore[no-untyped-call]
        while await self._named_port() != other.port:
            await asyncio.sleep(0.02)

    async def until_primary(self, server: RedisServer) -> None:
        """Waits until a server is the primary."""
        while await self._role(server) != "master":
            await asyncio.sleep(0.02)

    async def start_again(self) -> None:
        """Starts the server that was killed; returns when it is a replica in sync."""
        for server in self._servers:
            if not server.is_running:
                await server.start()
                await self._configure(server)
        await self.until_replicated()

    async def until_replicated(self) -> None:
        """Waits until both servers are up and in sync, and the sentinels know each other and the replica."""
        async with asyncio.timeout(60):
            while not await self._is_whole():
                await asyncio.sleep(0.05)

    async def require_replica(self, count: int) -> None:
        """Sets min-replicas-to-write, also for servers that restart: with fewer replicas a primary refuses writes."""
        self._replicas = count
        for server in self._servers:
            await self._configure(server)

    async def _configure(self, server: RedisServer) -> None:
        await server.command("CONFIG", "SET", "min-replicas-to-write", str(self._replicas))

    async def stop(self) -> None:
        """Stops the sentinels and the second server; the first one belongs to the environment."""
        await self.client.aclose()
        for process in self._sentinels.values():
            if process.returncode is None:
                process.terminate()
                await process.wait()
        await self._servers[1].stop()

    async def kill_sentinel(self, port: int) -> None:
        """Stops one of the sentinels for good."""
        self._sentinels[port].kill()
        await self._sentinels[port].wait()

    def freeze_sentinels(self) -> None:
        """Freezes all sentinels (SIGSTOP); their connections stay open."""
        for process in self._sentinels.values():
            process.send_signal(signal.SIGSTOP)

    def thaw_sentinels(self) -> None:
        """Lets them continue."""
        for process in self._sentinels.values():
            process.send_signal(signal.SIGCONT)

    async def _start_sentinel(self, port: int, watched: RedisServer) -> asyncio.subprocess.Process:
        directory = self._directory / f"sentinel-{port}"
        directory.mkdir(parents=True)
        config = directory / "sentinel.conf"
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {directory}",
            f"logfile {directory}/sentinel.log",
            f"sentinel monitor {NAME} 127.0.0.1 {watched.port} {QUORUM}",
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}",
        ]
        if watched.password:
            lines.append(f"sentinel auth-pass {NAME} {watched.password}")
        if self._password:
            lines.append(f"requirepass {self._password}")
        config.write_text("\n".join(lines) + "\n")
        return await asyncio.create_subprocess_exec(find_program(), str(config), "--sentinel", start_new_session=True)

    def _sentinel(self, port: int) -> Redis:
        return Redis(port=port, password=self._password or None, decode_responses=True)

    async def roles(self) -> tuple[RedisServer, RedisServer]:
        """The primary, according to the sentinels and to itself, and the other server.

        Raises:
            TimeoutError: there is no such primary in time.
        """
        async with asyncio.timeout(20):
            while True:
                for server, other in (self._servers, self._servers[::-1]):
                    if server.port == await self._named_port() and await self._role(server) == "master":
                        return server, other
                await asyncio.sleep(0.05)

    async def _named_port(self) -> int:
        """The primary's port according to the first sentinel that answers; 0 if none answers."""
        for port in self.ports:
            with suppress(RedisError, OSError):
                async with self._sentinel(port) as sentinel:
                    return int((await sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", NAME))[1])  # type: ignore[no-untyped-call]
        return 0

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
        async with self._sentinel(port) as client:
            state: dict[str, Any] = (await client.sentinel_masters())[NAME]  # type: ignore[no-untyped-call]
        return (
            state["num-other-sentinels"] == len(self.ports) - 1 and state["num-slaves"] >= 1 and not state["is_odown"]
        )
