"""The Redis client of producers and workers: redis-py's, with connections on whose failures an enqueue can rely.

redis-py's own client does not say whether a failed command was sent, and spends more time on taking a connection
from its pool than on the command. `RedisClient` sends each command once, raises `NotSentError` apart from all other
errors, opens only a few connections however many callers there are, packs by hiredis, and closes a connection whose
reply nobody awaited.
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
"""More callers than this wait for each other: a loop that enqueues ten thousand jobs at once must not open as many."""

UNUSED_S: Final = 10.0
"""A connection that was not used for so long is closed: how many calls there were at once at most must not last."""

FRESH_S: Final = 0.1
"""A connection that was used this recently is not checked; after that, the server may have closed it unnoticed."""


class RedisClient(Redis):
    """A Redis client for one event loop.

    Args:
        pool: makes the connections; no other client may share it.
        shown: the server's address for messages, without secrets.
        timeout_s: seconds that one call may take, connecting included.
        connections: the most that are opened.
    """

    def __init__(self, pool: PrivatePool, *, shown: str, timeout_s: float, connections: int = CONNECTIONS) -> None:
        super().__init__(connection_pool=pool)
        self.shown = shown
        self._timeout_s = timeout_s
        self._free = asyncio.Semaphore(connections)
        self._pool = pool
        # Those used last stand last, and are taken first. What is closed is kept, as the pool keeps it as well.
        self._idle: list[tuple[AbstractConnection, float]] = []
        self._unused: list[AbstractConnection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered_s = -math.inf
        self._closed = False

    @property
    def used_on(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that it belongs to; None before its first use."""
        return self._loop

    async def execute(self, *commands: tuple[Argument, ...], raises: bool = True) -> list[Any]:
        """Sends the commands in one piece, and returns their replies as Redis sent them.

        Args:
            commands: the commands.
            raises: raise the first error reply. Otherwise it is returned in its place, as the others are.

        Raises:
            NotSentError: there was no connection to send them on.
            ResponseError: Redis refused the first, or one of the others.
            RedisError, OSError: it is unknown whether they were carried out.
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
        options.pop("keys", None)  # which redis-py's methods give for its client-side cache alone
        return callback(reply, **options) if callback else reply

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Closes all connections at once; whoever awaits a reply gets an error. May be called more than once."""
        self._closed = True
        await self._pool.aclose()

    def filenos(self) -> list[int]:
        """The file descriptors of its connections, which a forked process must close."""
        return self._pool.filenos()

    def _another_connection(self) -> AbstractConnection:
        return self._unused.pop() if self._unused else self._pool.make_connection()

    async def _close_unused(self, now_s: float) -> None:
        while self._idle and self._idle[0][1] < now_s - UNUSED_S:
            connection, _ = self._idle.pop(0)
            self._unused.append(connection)
            await abort_connection(connection)

    async def _wait_for_turn(self) -> None:
        """Waits until a connection is free: without limit while others get replies, else until the timeout."""
        while self._free.locked():
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._free.acquire()
                return
            except TimeoutError:
                if time.monotonic() - self._answered_s > self._timeout_s:
                    raise NotSentError(f"no call has got a reply for {self._timeout_s:g} s") from None
        await self._free.acquire()

    def _check_usable(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise ProducerMisusedError(
                    "this producer belongs to another event loop: make one for each asyncio.run(),"
                    " or use SyncProducer, which any thread may call"
                )
            self._loop = loop
        if self._closed:
            raise ProducerClosedError

    async def _exchange(
        self, connection: AbstractConnection, packed: bytes, count: int, fresh: bool, raises: bool
    ) -> list[Any]:
        """Sends and reads. A call that ends half-way, also by cancellation, closes the connection."""
        sent = False
        writer = None
        try:
            async with asyncio.timeout(self._timeout_s):
                if not fresh:
                    # It also looks whether the server has hung up since: what is known not to have been sent need
                    # not be called unknown.
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
                    # The next call connects again, which may lead to the new primary.
                    await connection.disconnect(nowait=True)
                if raises:
                    raise reply
        return replies


async def _read_reply(connection: AbstractConnection) -> Any:
    """One reply. An error reply is returned, not raised: the replies after it must be read as well."""
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
