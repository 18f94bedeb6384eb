"""The Redis client of producers and workers: redis-py's, but its errors tell whether a command was sent.

redis-py's own client does not tell whether a failed command was sent, and spends more time on taking a connection from
its pool than on the command. `RedisClient` sends each command once, distinguishes `NotSentError` from all other errors,
opens only a few connections however many callers there are, packs commands with hiredis, and closes a connection whose
reply was not awaited.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from monarq.shared.errors import ProducerClosedError, ProducerMisusedError
from monarq.shared.redis.private_pool import PrivatePool, abort_connection, writer_of
from monarq.shared.redis.redis_errors import REDIS_ERRORS, NotSentError, is_demoted
from monarq.shared.redis.scripts import Argument

CONNECTIONS: Final = 16
"""The most connections; further callers wait, as a loop that enqueues ten thousand jobs must not open as many."""

UNUSED_S: Final = 10.0
"""A connection that was unused for this long is closed, so that the number of connections falls after a peak."""

FRESH_S: Final = 0.1
"""A connection that was used this recently is not checked; later, the server may have closed it unnoticed."""


class RedisClient(Redis):
    """A Redis client for one event loop.

    Args:
        pool: makes the connections; it must not be shared with another client.
        shown: the server's address for messages, without secrets.
        timeout_s: seconds that one call may take, including connecting.
        connections: the most connections to open.
    """

    def __init__(self, pool: PrivatePool, *, shown: str, timeout_s: float, connections: int = CONNECTIONS) -> None:
        super().__init__(connection_pool=pool)
        self.shown = shown
        self._timeout_s = timeout_s
        self._free = asyncio.Semaphore(connections)
        self._pool = pool
        # Most recently used last; taken from the end. Closed ones are kept, as the pool keeps them too.
        self._idle: list[tuple[AbstractConnection, float]] = []
        self._unused: list[AbstractConnection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered_s = -math.inf
        self._closed = False

    @property
    def used_on(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the client belongs to; None before its first use."""
        return self._loop

    async def execute(self, *commands: tuple[Argument, ...], raises: bool = True) -> list[Any]:
        """Sends the commands in one piece, and returns their replies as Redis sent them.

        Args:
            commands: the commands.
            raises: raise the first error reply. If False, error replies are returned in their places.

        Raises:
            NotSentError: no connection could be made, so nothing was sent.
            ResponseError: Redis refused one of them.
            RedisError, OSError: it is unknown whether they were executed.
            ProducerClosedError: `aclose` was called.
            ProducerMisusedError: it belongs to another event loop.
        """
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]  # typed too narrowly
        await self._wait_for_turn()
        try:
            self._check_usable()
            connection, used_s = self._idle.pop() if self._idle else (self._another_connection(), 0.0)
            try:
                fresh = connection.is_connected and time.monotonic() - used_s < FRESH_S
                return await self._exchange(connection, packed, len(commands), fresh, raises)
            finally:
                now_s = time.monotonic()
                self._idle.append((connection, now_s))
                if self._idle[0][1] < now_s - UNUSED_S:
                    await self._close_unused(now_s)
                if self._closed:
                    await abort_connection(connection)
        finally:
            self._free.release()

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Sends one command, as redis-py's client does; raises what `execute` raises."""
        name, *others = args
        reply = (await self.execute((*name.split(), *others)))[0]
        options.pop("keys", None)  # for the cache that redis-py may have
        callback = self.response_callbacks.get(name)
        options.pop("keys", None)  # passed by redis-py's methods for its client-side cache only
        return callback(reply, **options) if callback else reply

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Closes all connections at once; callers that await a reply get an error. May be called more than once."""
        self._closed = True
        await self._pool.aclose()

    def filenos(self) -> list[int]:
        """The file descriptors of its connections, which must be closed in a fork."""
        return self._pool.filenos()

    def _another_connection(self) -> AbstractConnection:
        return self._unused.pop() if self._unused else self._pool.make_connection()

    async def _close_unused(self, now_s: float) -> None:
        while self._idle and self._idle[0][1] < now_s - UNUSED_S:
            connection, _ = self._idle.pop(0)
            self._unused.append(connection)
            await abort_connection(connection)

    async def _wait_for_turn(self) -> None:
        """Waits for a free connection: without limit while other calls get replies, else until the timeout."""
        while self._free.locked():
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._free.acquire()
                return
            except TimeoutError:
                if time.monotonic() - self._answered_s > self._timeout_s:
                    raise NotSentError(f"no call has received a reply for {self._timeout_s:g} s") from None
        await self._free.acquire()

    def _check_usable(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise ProducerMisusedError(
                    "this producer belongs to another event loop: make one for each asyncio.run(),"
                    " or use a SyncProducer, which any thread may call"
                )
            self._loop = loop
        if self._closed:
            raise ProducerClosedError

    async def _exchange(
        self, connection: AbstractConnection, packed: bytes, count: int, fresh: bool, raises: bool
    ) -> list[Any]:
        """Sends and reads. A call that is interrupted, also by cancellation, closes the connection."""
        sent = False
        writer = None
        try:
            async with asyncio.timeout(self._timeout_s):
                if not fresh:
                    # This also checks whether the server has closed the connection, so that the outcome is "not sent"
                    # rather than "unknown".
                    await self._pool.ensure_connection(connection)
                sent = True
                writer = writer_of(connection)
                await connection.send_packed_command(packed, check_health=False)
                replies = [await _read_reply(connection) for _ in range(count)]
                self._answered_s = time.monotonic()
        except BaseException as error:
            await abort_connection(connection, writer)
            if not isinstance(error, REDIS_ERRORS):
                raise
            if not sent:
                raise NotSentError(str(error) or f"no connection within {self._timeout_s:g} s") from error
            if isinstance(error, TimeoutError):
                raise RedisTimeoutError(f"no reply within {self._timeout_s:g} s") from error
            raise
        for reply in replies:
            if isinstance(reply, ResponseError):
                if is_demoted(reply):
                    # The next call reconnects, possibly to the new primary.
                    await connection.disconnect(nowait=True)
                if raises:
                    raise reply
        return replies


async def _read_reply(connection: AbstractConnection) -> Any:
    """One reply. An error reply is returned, not raised, as the replies after it must be read too."""
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
