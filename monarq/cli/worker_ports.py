"""The HTTP ports of `monarq worker`: health and metrics of the whole pool, served by the supervisor on its event loop.

The ports are taken before a worker is started, so that one that is in use ends the command; once the pool runs, nothing
that happens here disturbs it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monarq.cli.console import say
from monarq.shared.errors import SettingsError
from monarq.workers.health import HealthLimits, PoolHealth
from monarq.workers.pool_state import PoolState

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

logger = logging.getLogger("monarq.supervisor")

STOP_S: Final = 2.0
"""How long requests that are being answered may take when the pool has ended."""

WEB_NEEDED: Final = "{} needs the packages of monarq's extra `web`: pip install 'monarq[web]'"


@dataclass(frozen=True, slots=True)
class Ports:
    """What is to be served, and where.

    Attributes:
        health: the port of /livez and /readyz; None for none, 0 for any that is free.
        metrics: the port of /metrics; may be the same.
        bind: the address that they listen on.
        limits: what is taken for sick.
    """

    health: int | None = None
    metrics: int | None = None
    bind: str = "127.0.0.1"
    limits: HealthLimits = field(default_factory=HealthLimits)

    @property
    def names(self) -> dict[int, list[str]]:
        """By port, the options that ask for it."""
        asked: dict[int, list[str]] = {}
        for option, port in (("--health-port", self.health), ("--metrics-port", self.metrics)):
            if port is not None:
                asked.setdefault(port, []).append(option)
        return asked


@asynccontextmanager
async def serving(ports: Ports, pool: Callable[[], PoolState]) -> AsyncIterator[None]:
    """Serves the ports for the life of the block.

    Args:
        ports: which.
        pool: gives how the pool stands.

    Raises:
        SettingsError: a port cannot be had, or a package is missing.
    """
    if not ports.names:
        yield
        return
    async with AsyncExitStack() as stack:
        for port, options in ports.names.items():
            listener = _listen(ports.bind, port, options)
            stack.callback(listener.close)
            routes, paths = [], []
            if "--health-port" in options:
                routes += await stack.enter_async_context(_health(ports.limits, pool))
                paths += ["/livez", "/readyz"]
            await stack.enter_async_context(_served(listener, routes))
            say(f"monarq: {', '.join(paths)} at {_shown(listener)}")
        yield


@asynccontextmanager
async def _health(limits: HealthLimits, pool: Callable[[], PoolState]) -> AsyncIterator[list[BaseRoute]]:
    with _needing_web("--health-port"):
        from monarq.workers.health_web import health_routes
    health = PoolHealth(pool, limits)
    health.start()
    try:
        yield [*health_routes(health)]
    finally:
        await health.stop()


@asynccontextmanager
async def _served(listener: socket.socket, routes: list[BaseRoute]) -> AsyncIterator[None]:
    with _needing_web("--health-port"):
        from monarq.cli.http_server import QuietServer
    server = QuietServer.of(routes)
    serving = asyncio.create_task(server.serve([listener]))
    serving.add_done_callback(_tell_of_failure)
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([serving], timeout=STOP_S)
        serving.cancel()


def _tell_of_failure(serving: asyncio.Task[None]) -> None:
    if not serving.cancelled() and serving.exception() is not None:
        logger.error("the HTTP port is served no more; the workers go on", exc_info=serving.exception())


@contextmanager
def _needing_web(option: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(WEB_NEEDED.format(option)) from error


def _listen(host: str, port: int, options: list[str]) -> socket.socket:
    what = " and ".join(options)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise SettingsError(f"{what}: {host} port {port} cannot be listened on ({reason}): choose another") from error


def _shown(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
