"""Producers whose Redis comes from the environment or from settings: in tests, `monarq.testing` redirects them."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol
from weakref import WeakSet

_CLOSE_S: Final = 5.0


class Unaddressed(Protocol):
    """A producer that takes its Redis from the environment, or from the settings of a framework or an application."""

    def _find_redis_again(self) -> tuple[asyncio.AbstractEventLoop | None, Coroutine[Any, Any, None]]:
        """Resolves its Redis again, as if it had just been made.

        Returns:
            The event loop that it was used on, if any, and a coroutine that closes its old connections there.
        """
        ...


UNADDRESSED: Final[WeakSet[Unaddressed]] = WeakSet()
"""All such producers of this process that are still referenced."""

_is_sandboxed = False


def is_sandboxed() -> bool:
    """Whether a sandbox is open, whose Redis the environment then names."""
    return _is_sandboxed


def find_redis_again(*, sandboxed: bool) -> list[asyncio.Future[None]]:
    """Makes all of them, even closed ones, resolve Redis again, whatever loop they were used on.

    Args:
        sandboxed: whether a sandbox is open from now on.

    Returns:
        Futures to await if this is called on the event loop of some of them; they close the old connections.
    """
    global _is_sandboxed  # noqa: PLW0603 - as the environment, it is of the whole process
    _is_sandboxed = sandboxed
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
