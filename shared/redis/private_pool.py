"""A connection pool that can close all its connections at once, whoever uses them and whatever was cancelled."""

from __future__ import annotations

import asyncio
from asyncio import StreamWriter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection

from monarq.shared.redis.replies import PROTOCOL

_OF_ONE_POOL: Final = ("maint", "orig_", "oss_cluster_")
"""Prefixes of the options by which redis-py 7 and 8 follow a server that moves; they must not be shared by pools."""


class PrivatePool(ConnectionPool):
    """Makes connections as redis-py's pool does, and keeps a list of them all."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._made: list[AbstractConnection] = []
        self._closed = False
        self._open: AsyncGenerator[None, None] | None = None

    @classmethod
    def like(cls, client: Redis) -> PrivatePool:
        """A pool that connects as the client does, and is otherwise independent of it.

        redis-py must not retry commands by itself, as only the submitter knows how to. Replies stay bytes, in the one
        protocol version that is read here. `RedisClient` has one timeout for a whole call, as redis-py's own would cost
        a task for each.
        """
        like = client.connection_pool
        options: dict[str, Any] = {
            name: value for name, value in like.connection_kwargs.items() if not name.startswith(_OF_ONE_POOL)
        }
        options |= {
            "connection_class": like.connection_class,
            "retry": None,
            "retry_on_timeout": False,
            "retry_on_error": [],
            "socket_timeout": None,
            "decode_responses": False,
            "health_check_interval": 0,
            "protocol": PROTOCOL,
        }
        if "connection_pool" in options:
            # Sentinel connections ask their pool for the primary, and hold only a weak reference to it.
            options["connection_pool"] = like
        return cls(**options)

    def copy(self, host: str | None = None, port: int | None = None) -> PrivatePool:
        """A pool that connects as this one does, optionally to another server."""
        other = {} if host is None else {"host": host, "port": port}
        options = self.connection_kwargs | other | {"connection_class": self.connection_class}
        return type(self)(**options)

    def make_connection(self) -> AbstractConnection:
        """A connection that is not connected yet."""
        made: AbstractConnection = super().make_connection()  # type: ignore[no-untyped-call]
        self._made.append(made)
        return made

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connects, or checks that it is still connected."""
        if self._open is None and not self._closed:
            self._open = self._while_open()
            await anext(self._open)
        await super().ensure_connection(connection)

    async def release(self, connection: AbstractConnection) -> None:
        """Takes a connection back. One that was being made while the pool was closed is closed now."""
        await super().release(connection)
        if self._closed:
            await abort_connection(connection)

    def filenos(self) -> list[int]:
        """The file descriptors of all connections."""
        writers = [writer_of(connection) for connection in self._made]
        sockets = [writer.get_extra_info("socket") for writer in writers if writer is not None]
        return [socket.fileno() for socket in sockets if socket is not None]

    async def aclose(self) -> None:
        """Closes all connections; callers that await a reply get an error. May be called more than once."""
        if self._open is None:
            await self._close_all()
        else:
            await self._open.aclose()

    async def _while_open(self) -> AsyncGenerator[None, None]:
        """A generator that closes the pool when the event loop shuts down its generators, before the loop is closed.

        Otherwise uvloop would close the connections with a warning and, if warnings are errors, wait for them forever.
        """
        try:
            yield
        finally:
            self._open = None
            await self._close_all()

    async def _close_all(self) -> None:
        self._closed = True
        for connection in self._made:
            await abort_connection(connection)
        try:
            # The loop closes a transport in its next iteration, but may itself be closed right after this.
            await asyncio.sleep(0)
        finally:
            await close_sentinels(self.connection_kwargs.get("connection_pool"))


async def abort_connection(connection: AbstractConnection, writer: StreamWriter | None = None) -> None:
    """Closes a connection at once, without a step at which it could be cancelled.

    Unsent data is discarded: a frozen server would never receive it, which would keep the connection open.

    Args:
        connection: the connection.
        writer: its stream, if redis-py has dropped its own reference.
    """
    writer = writer or writer_of(connection)
    if writer is not None:
        with suppress(AttributeError):  # transports of fakeredis have nothing to discard
            writer.transport.abort()
    await connection.disconnect(nowait=True)


def writer_of(connection: AbstractConnection) -> StreamWriter | None:
    """The stream that a connection writes to; None if it is not connected."""
    return connection._writer  # noqa: SLF001 redis-py has no other way to it


async def close_sentinels(pool: object) -> None:
    """Closes a pool's connections to its sentinels, which redis-py leaves open.

    They are closed at once, like those to servers: with a sentinel that reads nothing more, or on a busy machine, a
    regular close raised an error after a second.
    """
    manager = getattr(pool, "sentinel_manager", None)
    async with AsyncExitStack() as closing:
        for sentinel in manager.sentinels if manager else ():
            closing.push_async_callback(sentinel.aclose)
            made = sentinel.connection_pool
            for connection in (*made._available_connections, *made._in_use_connections):  # noqa: SLF001 no other way
                closing.push_async_callback(abort_connection, connection)


def shown_pool(pool: ConnectionPool) -> str:
    """The server's address of a redis-py pool, for messages and logs."""
    options = pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}"
    if "host" in options:
        return f"redis://{options['host']}:{options.get('port', 6379)}/{options.get('db') or 0}"
    return f"redis master {getattr(pool, 'service_name', '?')!r}"
