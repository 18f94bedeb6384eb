"""A node of a cluster, as an asyncio client uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.redis_errors import REDIS_ERRORS, NotSentError
from monarq.shared.redis.scripts import Argument

REST_S: Final = 1.0
"""How long after a node did not answer it is pinged again."""

PROBE_S: Final = 2.0
"""How long it may take to answer that ping."""

DOUBT_S: Final = 10.0
"""A call this long after the last silence is sent at once, as the node may have been answering again for long."""

_QUICK_S: Final = 0.5
"""A failure that took less time does not count as silence."""


class Node:
    """One node. While it is silent, calls fail at once, as a caller that waits for it would delay the work of others.

    Only the first calls wait for it. After that it is pinged now and then, as long as it is called, until it answers.

    Args:
        address: its address.
        client: its connections.

    Attributes:
        used_s: when it was used last, by the monotonic clock.
    """

    def __init__(self, address: Address, client: RedisClient) -> None:
        self.address = address
        self.client = client
        self.used_s = time.monotonic()
        self._silent_s: float | None = None
        self._probe: asyncio.Task[None] | None = None

    async def send(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Sends commands in one piece, and returns their replies, including error replies.

        Raises:
            NotSentError: no connection could be made, or the node did not answer recently.
            RedisError, OSError: it is unknown whether they were executed.
        """
        self.used_s = began_s = time.monotonic()
        if self._silent_s is not None and self._is_silent(began_s - self._silent_s):
            raise NotSentError(f"{self.address} did not answer a moment ago")
        try:
            replies = await self.client.execute(*commands, raises=False)
        except REDIS_ERRORS:
            now_s = time.monotonic()
            if now_s - began_s > _QUICK_S:
                self._silent_s = now_s
            raise
        self._silent_s = None
        return replies

    async def aclose(self) -> None:
        """Closes its connections at once."""
        if self._probe is not None:
            self._probe.cancel()
        await self.client.aclose()

    def _is_silent(self, since_s: float) -> bool:
        """Whether it counts as silent; starts a new ping if one is due."""
        if self._probe is not None:
            return True
        if since_s > DOUBT_S:
            return False
        if since_s > REST_S:
            self._probe = asyncio.get_running_loop().create_task(self._ask())
        return True

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(PROBE_S):
                await self.client.execute(("PING",), raises=False)
            self._silent_s = None
        except REDIS_ERRORS:
            self._silent_s = time.monotonic()
        finally:
            self._probe = None
