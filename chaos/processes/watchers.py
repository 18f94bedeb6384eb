"""Those who look at a queue all the time, each by a URL alone: what they see tells when it can be used again.

`stats` is read as ``monarq stats --watch`` reads it; ``monarq web`` serves the page and ``/metrics``; the supervisor
answers ``/readyz``.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import httpx
from redis.asyncio import Redis

from chaos.processes.fleet import ROOT, process_environment
from chaos.processes.redis_server import free_port
from monarq.monitor.health.overview import read_overviews
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import open_redis

EVERY_S: Final = 0.1
PATIENCE_S: Final = 10.0


class Look(NamedTuple):
    """One look: when it began and ended, by the monotonic clock, and whether the queue was seen."""

    began_ns: int
    ended_ns: int
    seen: bool


def seen_again_s(looks: Sequence[Look], fault_ns: int, until_ns: int) -> float | None:
    """Seconds from a fault until the queue was seen for good.

    Args:
        looks: in their order.
        fault_ns: when the fault was.
        until_ns: when the next one was, before which it must have been seen again; what that met does not count.

    Returns:
        None where it was not seen again, or nobody looked.
    """
    during = [look for look in looks if fault_ns <= look.began_ns and look.ended_ns < until_ns]
    again: Look | None = None
    for look in reversed(during):
        if not look.seen:
            break
        again = look
    return None if again is None else (again.ended_ns - fault_ns) / 1e9


class Watchers:
    """Watches while the block lasts.

    Args:
        url: the Redis.
        ref: the queue.
        directory: where the page's log goes.
        health_port: where the supervisor answers.

    Attributes:
        looks: what each of them saw, by its name.
    """

    def __init__(self, url: str, ref: QueueRef, directory: Path, health_port: int) -> None:
        self.looks: dict[str, list[Look]] = {}
        self._url = url
        self._ref = ref
        self._directory = directory
        self._health_port = health_port
        self._closing = AsyncExitStack()
        # A task is not cancelled: under Python 3.11 a client with a timeout may lose that.
        self._stopped = False

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._stopped = True
        await self._closing.aclose()

    async def _open(self) -> None:
        redis = await self._closing.enter_async_context(open_redis(self._url))
        web = await self._closing.enter_async_context(httpx.AsyncClient(timeout=PATIENCE_S))
        page = f"http://127.0.0.1:{await self._serve_page(web)}"
        looks = {
            "stats": lambda: self._read_stats(redis),
            "page": lambda: _get(web, page),
            "metrics": lambda: _get(web, f"{page}/metrics", "monarq_redis_up 1.0"),
            "ready": lambda: _get(web, f"http://127.0.0.1:{self._health_port}/readyz"),
        }
        for name, look in looks.items():
            self._closing.push_async_callback(asyncio.wait, [asyncio.create_task(self._watch(name, look))])

    async def _serve_page(self, web: httpx.AsyncClient) -> int:
        port = free_port()
        with (self._directory / "web.log").open("ab") as words:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "monarq", "web", "--port", str(port)),
                cwd=ROOT,
                env=process_environment(self._directory, self._url),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )
        self._closing.push_async_callback(_end, process)
        async with asyncio.timeout(30):
            while not await _is_seen(_get(web, f"http://127.0.0.1:{port}/")):
                await asyncio.sleep(EVERY_S)
        return port

    async def _read_stats(self, redis: Redis) -> None:
        await read_overviews(redis, [self._ref], minutes=15)

    async def _watch(self, name: str, look: Callable[[], Awaitable[None]]) -> None:
        looks = self.looks[name] = []
        while not self._stopped:
            began_ns = time.monotonic_ns()
            seen = await _is_seen(look())
            looks.append(Look(began_ns, time.monotonic_ns(), seen))
            await asyncio.sleep(EVERY_S)


async def _get(web: httpx.AsyncClient, url: str, text: str = "") -> None:
    answer = (await web.get(url)).raise_for_status()
    if text not in answer.text:
        raise LookupError(f"{url} does not say {text!r}")


async def _is_seen(look: Awaitable[None]) -> bool:
    try:
        await look
    except Exception:  # noqa: BLE001 - whatever it is, the queue was not seen
        return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.wait()
