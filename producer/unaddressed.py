"""The producers that were told no Redis: while tests run, `monarq.testing` lets them look for it again."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol
from weakref import WeakSet

_CLOSE_S: Final = 5.0


class Unaddressed(Protocol):
    """A producer that finds its Redis by the environment."""

    def _find_redis_again(self) -> tuple[asyncio.AbstractEventLoop | None, Coroutine[Any, Any, None]]:
        """Looks for its Redis anew, as if it had just been made.

        Returns:
            The event loop that it was used on, if any, and what closes its old connections there.
        """
        ...


UNADDRESSED: Final[WeakSet[Unaddressed]] = WeakSet()
"""All of this process that have not been collected as garbage."""


def find_redis_again() -> list[asyncio.Future[None]]:
    """Lets all of them look for Redis again, whatever loop they were used on, and closed ones as well.

    Returns:
        What to await where this is called on the event loop of some of them: their old connections are closed then.
    """
    closing: list[asyncio.Future[None]] = []
    for producer in list(UNADDRESSED):
        loop, close = producer._find_redis_again()  # noqa: SLF001 - not for its users
        if loop is None or loop.is_closed():
            close.close()
        elif not loop.is_running():
            loop.run_until_complete(close)
        elif loop is _running_loop():
            closing.append(asyncio.ensure_future(close))
        else:
            with suppress(TimeoutError, concurrent.futures.CancelledError):
                asyncio.run_coroutine_threadsafe(close, loop).result(_CLOSE_S)
    return closing


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
