"""`monarq worker` as a user starts it: a supervisor and its worker processes."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from monarq.shared.formats.choice.monitors import read_workers
from monarq.shared.protocol.namesake import option_of
from monarq.shared.redis.connection import open_redis
from tests.support.command import start_monarq
from tests.support.formats import current_queue
from tests.support.slowness import in_time


async def run_worker(target: str, *args: str, url: str) -> int:
    """Runs `monarq worker` to its end; returns its exit code."""
    async with in_time(50):
        process = await start_monarq("worker", target, *args, url=url, stdin=DEVNULL)
        return await process.wait()


@asynccontextmanager
async def pool(target: str, *args: str, url: str, workers: int = 2) -> AsyncIterator[asyncio.subprocess.Process]:
    """A pool that serves this test's queue during the block; its log is shown if the block fails."""
    with tempfile.TemporaryFile() as log:
        command = ("worker", target, "--workers", str(workers), *shlex.split(option_of(current_queue())), *args)
        process = await start_monarq(*command, url=url, stdin=DEVNULL, stdout=log, stderr=log)
        redis = open_redis(url)
        try:
            await _until_there(redis, workers, process)
            yield process
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode()[-5000:])
            raise
        finally:
            await redis.aclose()
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with in_time(40):
                await process.wait()


async def _until_there(redis: Redis, workers: int, process: asyncio.subprocess.Process) -> None:
    async with in_time(30):
        while len((await read_workers(redis, [current_queue()]))[current_queue()]) < workers:
            assert process.returncode is None, f"the pool exited with {process.returncode}"
            await asyncio.sleep(0.02)
