"""Connections to the primary. Each time, the sentinels are asked for it, and the server is asked for its role.

A sentinel that was partitioned may name a former primary, and a former primary may keep answering reads. So connecting
to a server that reports itself as a replica fails, and a READONLY reply closes the connection.
"""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.sentinel import SentinelManagedConnection as BlockingManagedConnection
from redis.sentinel import SentinelManagedSSLConnection as BlockingManagedSSLConnection
from redis.utils import str_if_bytes

from monarq.shared.redis.addresses import show_node
from monarq.shared.redis.redis_errors import is_demoted

_ASK_ROLE: Final = "HELLO"
"""HELLO without a version changes nothing. Of the commands that report the role, it is the only one that needs no
permission."""


class PrimaryConnection(SentinelManagedConnection):
    """A connection for an event loop, whose pool is a `PrimaryPool`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._demoted = False

    async def connect(self) -> None:
        """Connects, unless it is already connected to the current primary as far as known."""
        if self._demoted:
            await self.disconnect(nowait=True)
            self._demoted = False
        await super().connect()

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """A reply. READONLY is raised as it is, unlike in redis-py, as nothing was executed."""
        try:
            return await super(SentinelManagedConnection, self).read_response(*args, **options)
        except ResponseError as error:
            self._demoted = self._demoted or is_demoted(error)
            raise


class PrimarySSLConnection(PrimaryConnection, SentinelManagedSSLConnection):
    """The same with TLS."""


class BlockingPrimaryConnection(BlockingManagedConnection):
    """A connection for threads, whose pool is a `BlockingPrimaryPool`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._demoted = False

    def connect(self) -> None:
        """See `PrimaryConnection`."""
        if self._demoted:
            self.disconnect()
            self._demoted = False
        super().connect()

    def read_response(self, *args: Any, **options: Any) -> Any:
        """See `PrimaryConnection`."""
        try:
            return super(BlockingManagedConnection, self).read_response(*args, **options)
        except ResponseError as error:
            self._demoted = self._demoted or is_demoted(error)
            raise


class BlockingPrimarySSLConnection(BlockingPrimaryConnection, BlockingManagedSSLConnection):
    """The same with TLS."""


async def greet(connection: PrimaryConnection) -> None:
    """Sends HELLO on a new connection. It is redis-py's ``redis_connect_func``, called before any subscription.

    Raises:
        ConnectionError: the server is a replica.
    """
    try:
        await connection.on_connect()
        await connection.send_command(_ASK_ROLE)
        try:
            reply: Any = await connection.read_response()
        except ResponseError:  # a server or proxy without this command
            reply = ()
        except AuthenticationError as error:
            raise _no_login() from error
        _check_role(connection, reply)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    connection.connection_pool.watch.add(connection)


def greet_blocking(connection: BlockingPrimaryConnection) -> None:
    """See `greet`."""
    connection.on_connect()
    connection.send_command(_ASK_ROLE)
    try:
        reply: Any = connection.read_response()
    except ResponseError:
        reply = ()
    except AuthenticationError as error:
        raise _no_login() from error
    _check_role(connection, reply)


def _no_login() -> AuthenticationError:
    """The server's own text for a missing login. A wrong login is refused before HELLO."""
    return AuthenticationError("Authentication required.")


def _check_role(connection: PrimaryConnection | BlockingPrimaryConnection, reply: Any) -> None:
    """Reads a reply to HELLO: a flat list, or a map in RESP3."""
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    roles = [str_if_bytes(value) for name, value in pairs if str_if_bytes(name) == "role"]
    if roles and roles[0] != "master":
        connection.connection_pool.sentinel_manager.doubt()
        where = show_node((connection.host, connection.port))
        raise RedisConnectionError(f"{where} is a replica, but the sentinels still name it as the primary")
