"""`monarq worker` as a user starts it: a supervisor and its worker processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from redis.asyncio import Redis

from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.keys import DEFAULT_QUEUE, QueueKeys
from tests.support.slowness import in_time

ROOT = Path(__file__).parents[2]


async def run_worker(target: str, *args: str, url: str) -> int:
    """Runs `monarq worker` to its end; its exit code."""
    async with in_time(50):
        process = await _start(target, *args, url=url, log=None)
        return await process.wait()


async def _start(target: str, *args: str, url: str, log: IO[bytes] | None) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MONARQ_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monarq", "worker", target, *args),
        cwd=ROOT,
        env=environment | {"REDIS_URL": url},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


@asynccontextmanager
async def pool(target: str, *args: str, url: str, workers: int = 2) -> AsyncIterator[asyncio.subprocess.Process]:
    """A pool that serves the default queue, for the life of the block; its log is shown where the block fails."""
    with tempfile.TemporaryFile() as log:
        process = await _start(target, "--workers", str(workers), *args, url=url, log=log)
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
        while await redis.zcard(QueueKeys.of(DEFAULT_QUEUE).workers) < workers:
            assert process.returncode is None, f"the pool ended with {process.returncode}"
            await asyncio.sleep(0.02)
