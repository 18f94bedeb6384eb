"""Draws `docs/stats.svg`: what `monarq stats` shows of a pool that has worked for some minutes.

    python -m docs.tools.stats_picture docs/stats.svg [SECONDS]

It starts a private Redis and two workers, which run the jobs of this module, and enqueues some every moment.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from pathlib import Path
from typing import Final

from rich.text import Text

from monarq import Handle, Producer, job
from monarq.cli.stats.view import Viewport, render
from monarq.cli.terminal.picture import draw_svg, open_recorder
from monarq.examples.harness.pool import LocalPool
from monarq.monitor.health.overview import read_overviews
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, QueueRef
from monarq.shared.redis.connection import open_redis

WIDTH: Final = 136
STEP_S: Final = 0.1
WAVE_S: Final = 100.0
"""How long a wave of jobs takes, from many to few and back."""


@job
async def fetch() -> None:
    """A request that takes a moment."""
    await asyncio.sleep(random.uniform(0.05, 1))


@job(name="mail.send")
async def send_mail() -> None:
    """A mail, a tenth of which is refused."""
    await asyncio.sleep(random.uniform(0.05, 0.5))
    if random.random() < 0.1:
        raise ConnectionError("smtp.example.com refused the connection")


@job(name="thumbnails.render")
def render_thumbnail() -> int:
    """Some hundredths of a second of computing."""
    return sum(range(2_000_000))


@job(name="report.build", timeout=60)
async def build_report() -> None:
    """Half a minute of waiting."""
    await asyncio.sleep(random.uniform(15, 30))


async def keep_busy(producer: Producer, seconds: float) -> None:
    """Enqueues jobs in waves, and cancels a report now and then."""
    end_s = time.monotonic() + seconds
    last: Handle[None] | None = None
    while (left_s := end_s - time.monotonic()) > 0:
        wave = 1 + 0.4 * math.sin(2 * math.pi * left_s / WAVE_S)
        await producer.enqueue_many(fetch, [()] * round(4 * wave * random.uniform(0.5, 1.5)))
        if random.random() < 0.5 * wave:
            await producer.enqueue(send_mail)
        if random.random() < 0.3 * wave:
            await producer.enqueue(render_thumbnail)
        if random.random() < 0.02:
            last = await producer.enqueue(build_report)
        elif last is not None and random.random() < 0.003:
            await last.cancel()
        await asyncio.sleep(STEP_S)


async def draw(url: str, seconds: float) -> str:
    """Keeps the workers busy, then draws what the command shows."""
    async with Producer(url) as producer:
        await keep_busy(producer, seconds)
    redis = open_redis(url)
    try:
        queues = await read_overviews(redis, [QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT)], minutes=15)
    finally:
        await redis.aclose()
    recorder = open_recorder(WIDTH)
    recorder.print(Text("$ monarq stats\n", "bold"), render(queues, 900, Viewport(WIDTH)))
    return draw_svg(recorder, "monarq stats")


def main(picture: str, seconds: str = "330") -> None:
    """Writes the picture after so many seconds of work."""
    with LocalPool("docs.tools.stats_picture", workers=2) as pool:
        Path(picture).write_text(asyncio.run(draw(pool.url, float(seconds))), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
