"""The watchers of a worker: one for each server that holds a queue, or the fleet.

The nodes of a cluster pause independently, and each has its own clock: answers of one say nothing about the leases on
another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.session.recovery import Watcher
from monarq.shared.redis.redis_errors import REDIS_ERRORS
from monarq.shared.redis.servers import Server, server_of

PATIENCE_S: Final = 1.0
"""How long one silent server may delay the work on the others."""


class Watchers:
    """Tells, for each key, whether leases that look expired on its server really are.

    Args:
        lease_s: see `Watcher`.
    """

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._by_server: dict[Server, Watcher] = {}
        self._steady: set[Server] = set()
        self._asked_for: dict[Server, str] = {}
        self._out: dict[Server, asyncio.Task[bool]] = {}
        self._failures: dict[Server, BaseException] = {}

    async def look(self, redis: Redis, keys: Iterable[str]) -> BaseException | None:
        """Asks the servers of these keys, and those that `may_accuse` was asked about, for their time, all at once.

        Call it about once a second. If one of several servers does not answer within a moment, it is not steady, and is
        not waited for.

        Returns:
            An error, if there was any: that server is not steady.
        """
        asked = {server_of(redis, key): key for key in (*self._asked_for.values(), *keys)}
        self._asked_for = {}
        self._by_server = {server: self._by_server.get(server) or Watcher(self._lease_s) for server in asked}
        self._failures = {server: error for server, error in self._failures.items() if server in asked}
        for server, key in asked.items():
            if server not in self._out or self._out[server].done():  # a late answer does not count
                self._out[server] = asyncio.create_task(self._ask(redis, self._by_server[server], server, key))
        looks = {server: self._out[server] for server in asked}
        try:
            await asyncio.wait(looks.values(), timeout=None if len(looks) == 1 else PATIENCE_S)
        except asyncio.CancelledError:
            for look in self._out.values():
                look.cancel()
            raise
        self._steady = {server for server, look in looks.items() if look.done() and look.result()}
        return next(iter(self._failures.values()), None)

    def may_accuse(self, redis: Redis, key: str) -> bool:
        """Whether a lease that looks expired on the key's server really is."""
        server = server_of(redis, key)
        if server not in self._by_server:
            self._asked_for[server] = key
        return server in self._steady

    def redis_ms(self, redis: Redis, key: str) -> int:
        """The time of the key's server at its last answer, unix ms."""
        watcher = self._by_server.get(server_of(redis, key))
        return 0 if watcher is None else watcher.redis_ms

    async def _ask(self, redis: Redis, watcher: Watcher, server: Server, key: str) -> bool:
        try:
            is_steady = await watcher.may_accuse(redis, key)
        except REDIS_ERRORS as error:
            self._failures[server] = error
            return False
        self._failures.pop(server, None)
        return is_steady
