"""A user interface that stays responsive while jobs compute, beside one that computes by itself.

    monarq worker examples.jobs              in one terminal
    python -m examples.responsive            in another; then look at the page that it names
    python -m examples.responsive --pool     or all in one: with a private Redis and a pool of its own
    python -m examples.responsive --check    draws both ways without a page, and measures

The page has a clock and draws a picture of the Mandelbrot set, row by row. Drawn in the page's own process, its event
loop is held up: the clock stands still and nobody gets an answer. Drawn by jobs, each row arrives when it is done, and
the clock runs on.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Column, Table

from monarq import Producer
from monarq.examples.jobs import draw_row
from monarq.examples.stage.event_page import EventPage
from monarq.examples.stage.script import make_parser, open_pool, refuse
from monarq.shared.errors import MonarqError

TICK_S: Final = 0.05
PAGE: Final = Path(__file__).with_name("responsive.html")

OnRow = Callable[[int, list[int]], None]


class Picture(NamedTuple):
    """The size of a picture, in points, and how many steps are taken for a point at most."""

    width: int = 480
    height: int = 300
    longest: int = 1500


def draw_here(picture: Picture, on_row: OnRow) -> None:
    """Draws all rows in this process: whatever else it has to do waits."""
    for row in range(picture.height):
        on_row(row, draw_row(row, *picture))


async def draw_with_pool(picture: Picture, producer: Producer, on_row: OnRow) -> None:
    """Draws all rows by jobs; they come in any order."""
    handles = await producer.enqueue_many(draw_row, [(row, *picture) for row in range(picture.height)])
    row_of = {handle: row for row, handle in enumerate(handles)}
    async for handle, points in producer.as_completed(handles):
        on_row(row_of[handle], points)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture that was drawn.

    Attributes:
        rows: its points.
        seconds: how long it took.
        longest_freeze_s: the longest time for which the clock stood still meanwhile, in seconds.
    """

    rows: dict[int, list[int]]
    seconds: float
    longest_freeze_s: float


class Clock:
    """Shows the time on the page, and notices how long it was kept from it.

    Attributes:
        longest_freeze_s: the longest so far; set it to 0 to begin anew.
    """

    def __init__(self, tell: Callable[[object], None]) -> None:
        self.longest_freeze_s = 0.0
        self._tell = tell
        self._ticked = asyncio.Event()

    async def run(self) -> None:
        """Ticks until cancelled."""
        while True:
            before_s = time.perf_counter()
            await asyncio.sleep(TICK_S)
            freeze_s = time.perf_counter() - before_s - TICK_S
            self.longest_freeze_s = max(self.longest_freeze_s, freeze_s)
            self._tell({"clock": datetime.now().astimezone().isoformat(timespec="milliseconds")[11:23]})
            self._ticked.set()

    async def tick(self) -> None:
        """Waits for the next tick, which has seen whatever held it up."""
        self._ticked.clear()
        await self._ticked.wait()


class Studio:
    """The page, and the two ways to draw on it, one drawing at a time."""

    def __init__(self, producer: Producer, picture: Picture, port: int) -> None:
        actions = {"/here": self.draw_here, "/pool": self.draw_with_pool}
        self.page = EventPage(PAGE.read_text(encoding="utf-8"), actions, port)
        self.clock = Clock(self.page.tell)
        self._producer = producer
        self._picture = picture
        self._drawing = asyncio.Lock()

    async def draw_here(self) -> Drawn:
        """Draws in this process."""
        async with self._drawing:
            return await self._draw(self._here)

    async def draw_with_pool(self) -> Drawn:
        """Draws by jobs."""
        async with self._drawing:
            return await self._draw(self._with_pool)

    async def _here(self, on_row: OnRow) -> None:
        draw_here(self._picture, on_row)

    async def _with_pool(self, on_row: OnRow) -> None:
        await draw_with_pool(self._picture, self._producer, on_row)

    async def _draw(self, way: Callable[[OnRow], Awaitable[None]]) -> Drawn:
        rows: dict[int, list[int]] = {}

        def on_row(row: int, points: list[int]) -> None:
            rows[row] = points
            self.page.tell({"row": row, "points": points})

        self.page.tell({"picture": self._picture._asdict()})
        await self.clock.tick()
        self.clock.longest_freeze_s = 0.0
        started_s = time.perf_counter()
        await way(on_row)
        seconds = time.perf_counter() - started_s
        await self.clock.tick()
        drawn = Drawn(rows, seconds, self.clock.longest_freeze_s)
        self.page.tell({"seconds": drawn.seconds, "longest_freeze_s": drawn.longest_freeze_s})
        return drawn


@asynccontextmanager
async def open_studio(redis_url: str, picture: Picture, port: int = 0) -> AsyncIterator[Studio]:
    """The page, served for the time of the block.

    Args:
        redis_url: the Redis whose queue the workers serve.
        picture: what to draw.
        port: where to serve the page; 0 takes any free port.
    """
    async with Producer(redis_url) as producer:
        studio = Studio(producer, picture, port)
        async with studio.page:
            clock = asyncio.create_task(studio.clock.run())
            try:
                yield studio
            finally:
                clock.cancel()


async def serve(redis_url: str, port: int, console: Console) -> None:
    """Serves the page until cancelled."""
    async with open_studio(redis_url, Picture(), port) as studio:
        console.print(f"Look at {studio.page.url} and press its buttons; Ctrl-C ends it.")
        await asyncio.Event().wait()


async def check(redis_url: str, picture: Picture, console: Console) -> bool:
    """Draws both ways and shows for how long the page stood still; whether the pictures are the same."""
    async with open_studio(redis_url, picture) as studio:
        ways = {"in the page's process": await studio.draw_here(), "with the pool": await studio.draw_with_pool()}
    table = Table("drawn", Column("took", justify="right"), Column("longest freeze", justify="right"))
    for way, drawn in ways.items():
        table.add_row(way, f"{drawn.seconds:.2f} s", f"{drawn.longest_freeze_s * 1000:,.0f} ms")
    here, pooled = ways.values()
    console.print(table, f"the pictures are {'the same' if here.rows == pooled.rows else 'DIFFERENT'}")
    return here.rows == pooled.rows


def main() -> int:
    """Reads the options and runs the page, or the check."""
    parser = make_parser(__doc__)
    parser.add_argument("--check", action="store_true", help="draw both ways, show how long the clock stood still, end")
    parser.add_argument(
        "--port", type=int, default=8080, help="where the page is served on 127.0.0.1; 0: any free port"
    )
    arguments = parser.parse_args()
    console = Console()
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        try:
            url = open_pool(stack, arguments, console)
        except MonarqError as error:
            return refuse(error)
        if arguments.check:
            return 0 if asyncio.run(check(url, Picture(), console)) else 1
        asyncio.run(serve(url, arguments.port, console))
    return 0


if __name__ == "__main__":
    sys.exit(main())
