"""Observers that poll a queue, each with only a URL: they show when it can be used again.

`stats` is read as by ``monarq stats --watch``; ``monarq web`` serves the page and ``/metrics``; the supervisor serves
``/readyz``.
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
    """One look: when it began and ended, by the monotonic clock, and whether it saw the queue."""

    began_ns: int
    ended_ns: int
    seen: bool


def seen_again_s(looks: Sequence[Look], fault_ns: int, until_ns: int) -> float | None:
    """Seconds from a fault until the queue was visible again without interruption.

    Args:
        looks: all looks, in order.
        fault_ns: when the fault was.
        until_ns: when the next fault was. The queue must be visible again before; looks during that fault do not count.

    Returns:
        None if the queue was not seen again, or there were no looks.
    """
    during = [look for look in looks if fault_ns <= look.began_ns and look.ended_ns < until_ns]
    again: Look | None = None
    for look in reversed(during):
        if not look.seen:
            break
        again = look
    return None if again is None else (again.ended_ns - fault_ns) / 1e9


class Watchers:
    """Watches a queue during a block.

    Args:
        url: the URL of Redis.
        ref: the queue.
        directory: where to write the page's log.
        health_port: the supervisor's health port.

    Attributes:
        looks: the looks of each observer, by its name.
    """

    def __init__(self, url: str, ref: QueueRef, directory: Path, health_port: int) -> None:
        self.looks: dict[str, list[Look]] = {}
        self._url = url
        self._ref = ref
        self._directory = directory
        self._health_port = health_port
        self._closing = AsyncExitStack()
        # Do not cancel a task: on Python 3.11, a client with a timeout may swallow it.
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
    except Exception:  # noqa: BLE001 - whatever the error, the queue was not seen
        return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.wait()
