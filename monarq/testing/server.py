"""The private Redis of a test process: started with its first sandbox, and stopped with the process.

Each process has its own, so that tests can run in several processes, as with pytest-xdist.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from redis.asyncio import Redis

from monarq.embedded import EmbeddedRedis
from monarq.producer.event_loop_thread import EventLoopThread
from monarq.shared.formats.native.workers.fleet import note_emptied
from monarq.shared.redis.connection import UrlSource

if TYPE_CHECKING:
    from monarq.embedded.discovery import ServerKind

T = TypeVar("T")


class SandboxServer:
    """A private Redis, a blocking client, and an event loop for async calls by blocking callers.

    Attributes:
        kind: the requested kind of server; None for the best one available.
        url: its address.
        source: makes connections to it.
        redis: a blocking client.
    """

    def __init__(self, kind: ServerKind | None) -> None:
        self.kind = kind
        self._pid = os.getpid()
        self._embedded = EmbeddedRedis(kind=kind)
        self._embedded.start()
        self.url = self._embedded.url
        self.source = UrlSource(self.url)
        self.redis: Any = self.source.blocking_client()
        self._thread = EventLoopThread("monarq-sandbox", self._close_client)
        self._client: Redis | None = None

    @property
    def is_usable(self) -> bool:
        """Whether it is running, and belongs to this process, not to a parent that was forked."""
        return self._pid == os.getpid() and self._embedded.process.poll_end() is None

    @property
    def description(self) -> str:
        """What it is and where it comes from, in one line."""
        return self._embedded.description

    def run(self, call: Callable[[Redis], Awaitable[T]]) -> T:
        """Runs a call on its event loop, with an async client, and waits for the result.

        Raises:
            BaseException: whatever the call raises.
        """
        return self._thread.run(self._call(call))

    def start(self, call: Callable[[Redis], Awaitable[T]]) -> Future[T]:
        """The same, but does not wait."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                value = self.run(call)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                future.set_exception(error)
            else:
                future.set_result(value)

        threading.Thread(target=run, name="monarq-drain", daemon=True).start()
        return future

    async def _call(self, call: Callable[[Redis], Awaitable[T]]) -> T:
        if self._client is None:
            self._client = self.source.client()
        return await call(self._client)

    async def _close_client(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def empty(self) -> None:
        """Deletes all data."""
        self.redis.flushall()
        note_emptied()

    def stop(self) -> None:
        """Stops it; does nothing in a fork."""
        if self._pid == os.getpid():
            self._thread.close()
            self.redis.close()
            self._embedded.stop()


_server: SandboxServer | None = None


def sandbox_server(kind: ServerKind | None) -> SandboxServer:
    """The server of this process. It is started if there is none, or one of another kind.

    Args:
        kind: the required kind of server; None for the best one available.

    Raises:
        EmbeddedRedisError: no server can be started; the message says what to install.
    """
    global _server  # noqa: PLW0603 - one a process
    if _server is not None and (_server.kind != kind or not _server.is_usable):
        stop_server()
    if _server is None:
        _server = SandboxServer(kind)
        atexit.register(stop_server)
    return _server


def stop_server() -> None:
    """Stops the server of this process, if there is one."""
    global _server  # noqa: PLW0603
    if _server is not None:
        _server.stop()
        _server = None
        atexit.unregister(stop_server)
