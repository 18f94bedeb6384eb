"""The HTTP ports of `monarq worker`: health and metrics of the whole pool, served by the supervisor on its event loop.

The ports are opened before any worker starts, so that a port in use ends the command. Once the pool runs, failures here
do not affect it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from monarq.shared.errors import SettingsError
from monarq.shared.extras import missing_extra
from monarq.shared.text.loggers import get_logger
from monarq.workers.supervisor.health import HealthLimits, PoolHealth
from monarq.workers.supervisor.pool_state import PoolState

if TYPE_CHECKING:
    from starlette.routing import Route

    from monarq.workers.supervisor.redis_probe import RedisProbe

logger = get_logger("monarq.supervisor")

STOP_S: Final = 2.0
"""How long open requests may take after the pool has ended."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What to serve, and where.

    Attributes:
        health: the port of /livez and /readyz; None for none, 0 for any free one.
        metrics: the port of /metrics; may be the same.
        bind: the address that they listen on.
        limits: when the pool counts as unhealthy.
    """

    health: int | None = None
    metrics: int | None = None
    bind: str = "127.0.0.1"
    limits: HealthLimits = field(default_factory=HealthLimits)

    @property
    def names(self) -> dict[int, list[str]]:
        """The options that name each port, by port."""
        asked: dict[int, list[str]] = {}
        for option, port in (("--health-port", self.health), ("--metrics-port", self.metrics)):
            if port is not None:
                asked.setdefault(port, []).append(option)
        return asked


@asynccontextmanager
async def serving(ports: Ports, pool: Callable[[], PoolState]) -> AsyncIterator[list[str]]:
    """Serves the ports until the end of the block; yields what each serves, as a list of URLs.

    Args:
        ports: the ports.
        pool: returns the state of the pool.

    Raises:
        SettingsError: it cannot listen on a port, or a package is missing.
    """
    async with AsyncExitStack() as stack:
        yield await _open(stack, ports, pool) if ports.names else []


async def _open(stack: AsyncExitStack, ports: Ports, pool: Callable[[], PoolState]) -> list[str]:
    from monarq.workers.supervisor.redis_probe import (
        RedisProbe,
    )  # imported late: a pool without ports needs no Redis client

    probe = RedisProbe()
    stack.push_async_callback(probe.close)
    served = []
    for port, options in ports.names.items():
        listener = _listen(ports.bind, port, options)
        stack.callback(listener.close)
        routes: list[Route] = []
        with _requiring_web(options):
            if "--health-port" in options:
                routes += stack.enter_context(_health(PoolHealth(pool, ports.limits, probe)))
            if "--metrics-port" in options:
                routes += _metrics(pool, probe)
        await stack.enter_async_context(_served(listener, routes))
        served.append(", ".join(url_of(listener) + route.path for route in routes))
    return served


@contextmanager
def _health(health: PoolHealth) -> Iterator[list[Route]]:
    from monarq.workers.supervisor.health_endpoint import health_routes

    health.start()
    try:
        yield health_routes(health)
    finally:
        health.stop()


def _metrics(pool: Callable[[], PoolState], probe: RedisProbe) -> list[Route]:
    from monarq.monitor.metrics.endpoint import Exporter, metrics_route
    from monarq.monitor.metrics.prometheus import Snapshot, read_snapshot
    from monarq.workers.supervisor.pool_metrics import PoolCollector

    async def read() -> Snapshot | None:
        state = pool()
        redis = await probe.open(state)
        if redis is None:
            return None
        snapshot = await read_snapshot(redis, probe.queues)
        # Each pool reports only its own workers, so that sums count none twice.
        own = {worker.ready.worker_id for worker in state.workers if worker.ready}
        return replace(snapshot, workers=tuple(worker for worker in snapshot.workers if worker.worker_id in own))

    return [metrics_route(Exporter(read, lambda: [PoolCollector(pool())]))]


@asynccontextmanager
async def _served(listener: socket.socket, routes: Sequence[Route]) -> AsyncIterator[None]:
    from monarq.cli.worker.http_server import QuietServer

    server = QuietServer.of(routes)
    serving = asyncio.create_task(server.serve([listener]))
    serving.add_done_callback(_log_failure)
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([serving], timeout=STOP_S)
        serving.cancel()


def _log_failure(serving: asyncio.Task[None]) -> None:
    if not serving.cancelled() and serving.exception() is not None:
        logger.error(
            "health and metrics are no longer served; the workers continue, restart the pool to serve them again",
            exc_info=serving.exception(),
        )


@contextmanager
def _requiring_web(options: list[str]) -> Iterator[None]:
    try:
        import uvicorn as uvicorn

        yield
    except ModuleNotFoundError as error:
        advice = missing_extra(error, " and ".join(options))
        if advice is None:
            raise
        raise SettingsError(advice) from error


def _listen(host: str, port: int, options: list[str]) -> socket.socket:
    what = " and ".join(options)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise SettingsError(f"{what}: cannot listen on {host} port {port} ({reason}): choose another one") from error


def url_of(listener: socket.socket) -> str:
    """The URL of a listener; for one on all addresses, with the machine's host name."""
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
