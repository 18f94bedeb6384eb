"""The web application of the responsive example: a page, its events, and two ways to draw on it.

    python -m examples.responsive --serve       starts it, and a pool beside it if asked to

It is an ordinary Starlette application on one uvicorn process with one event loop, like most. `POST /draw/monarq` draws
the picture with 200 cpu jobs; `POST /draw/request` draws it in the process that serves the request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from monarq import Handle, Producer
from monarq.examples.jobs import draw_row, draw_rows

PAGE: Final = Path(__file__).with_name("responsive.html")
TICK_S: Final = 0.1
BACKLOG: Final = 2000
"""Events that may wait for a slow browser; with more, it is disconnected, and reconnects by itself."""

Rows = list[list[int]]


class Picture(NamedTuple):
    """The picture: its size in points, the maximum of steps for a point, and the number of jobs that draw it."""

    width: int = 480
    height: int = 400
    longest: int = 2000
    jobs: int = 200

    def parts(self) -> list[tuple[int, int, int, int, int]]:
        """The arguments of each job."""
        edges = [self.height * part // self.jobs for part in range(self.jobs + 1)]
        size = (self.width, self.height, self.longest)
        return [(first, last, *size) for first, last in pairwise(edges)]


class EventBroadcaster:
    """Sends events to all browsers that have the page open."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str | None]] = set()

    def publish(self, **event: object) -> None:
        """Sends an event to all subscribers; never waits."""
        line = f"data: {json.dumps(event)}\n\n"
        for queue in list(self._queues):
            if queue.qsize() >= BACKLOG:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(line)

    async def subscribe(self) -> AsyncIterator[str]:
        """The events from now on, as server-sent events."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield ": hello\n\n"
            while (line := await queue.get()) is not None:
                yield line
        finally:
            self._queues.discard(queue)


class Endpoints:
    """The endpoints of the page, and the two ways to draw on it, one drawing at a time."""

    def __init__(self, producer: Producer, picture: Picture) -> None:
        self._producer = producer
        self._picture = picture
        self._events = EventBroadcaster()
        self._html = PAGE.read_text(encoding="utf-8")
        self._drawing = asyncio.Lock()
        self._ways = {"monarq": self._draw_with_monarq, "request": self._draw_here}

    async def page(self, request: Request) -> Response:
        """GET /: the page, with the time at which it was created."""
        return HTMLResponse(self._html.replace("{{now}}", shown_now()))

    async def clock(self, request: Request) -> Response:
        """GET /clock: the server's time, which the page requests to measure how long an answer takes."""
        return JSONResponse({"now": shown_now()}, headers={"Cache-Control": "no-store"})

    async def events(self, request: Request) -> Response:
        """GET /events: the events, as server-sent events."""
        return StreamingResponse(self._events.subscribe(), media_type="text/event-stream")

    async def draw(self, request: Request) -> Response:
        """POST /draw/{way}: draws the picture, and answers when it is done."""
        way = request.path_params["way"]
        if way not in self._ways:
            return JSONResponse({"error": f"there is no way {way!r} to draw"}, status_code=404)
        async with self._drawing:
            self._events.publish(kind="begin", way=way, **self._picture._asdict())
            started_s = time.perf_counter()
            rows = await self._ways[way]()
            seconds = time.perf_counter() - started_s
            self._events.publish(kind="end", way=way, seconds=seconds)
        return JSONResponse({"seconds": seconds, "points": sum(map(sum, rows))})

    async def tick(self) -> None:
        """Updates the time on the page, endlessly."""
        while True:
            self._events.publish(kind="clock", now=shown_now())
            await asyncio.sleep(TICK_S)

    async def _draw_with_monarq(self) -> Rows:
        handles = await self._producer.enqueue_many(draw_rows, self._picture.parts())
        part_of = {handle: part for part, handle in enumerate(handles)}
        drawn: dict[int, Rows] = {}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._show_progress(part_of, drawn))
            async for handle, rows in self._producer.as_completed(handles):
                part = part_of[handle]
                drawn[part] = rows
                # A part that ends before anybody listens has no last report.
                self._events.publish(kind="progress", job=part, share=1.0)
                self._show_rows(part, rows)
        return [row for part in range(len(handles)) for row in drawn[part]]

    async def _show_progress(self, part_of: dict[Handle[Rows], int], drawn: dict[int, Rows]) -> None:
        async for handle, progress in self._producer.watch(part_of):
            if part_of[handle] not in drawn:
                self._events.publish(kind="progress", job=part_of[handle], share=progress.share)

    async def _draw_here(self) -> Rows:
        """The same work in the page's own process: until it is done, the event loop does nothing else."""
        drawn: Rows = []
        for part, (first, last, *size) in enumerate(self._picture.parts()):
            rows = [draw_row(row, *size) for row in range(first, last)]
            self._show_rows(part, rows)
            drawn += rows
        return drawn

    def _show_rows(self, part: int, rows: Rows) -> None:
        self._events.publish(kind="rows", job=part, first=self._picture.parts()[part][0], rows=rows)


def shown_now() -> str:
    """The time of day, to the millisecond."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")[11:23]


def make_app(redis_url: str | None = None, picture: Picture | None = None) -> Starlette:
    """The application.

    Args:
        redis_url: the Redis whose queue the workers serve. Default: REDIS_URL.
        picture: what to draw. Default: one that takes one core some seconds.
    """
    producer = Producer(redis_url)
    endpoints = Endpoints(producer, picture or Picture())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ticking = asyncio.create_task(endpoints.tick())
        try:
            async with producer:
                yield
        finally:
            ticking.cancel()

    routes = [
        Route("/", endpoints.page),
        Route("/clock", endpoints.clock),
        Route("/events", endpoints.events),
        Route("/draw/{way}", endpoints.draw, methods=["POST"]),
    ]
    # Only loopback, and only by these names: pages from elsewhere must not be able to read this one.
    own_names = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return Starlette(routes=routes, lifespan=lifespan, middleware=[own_names])


async def serve(app: Starlette, port: int) -> None:
    """Serves on 127.0.0.1 until its stdin ends or it is stopped; prints its address to stdout first."""
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    # Loops set it only for sockets created with a protocol number; without it, answers are delayed by 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    asyncio.get_running_loop().add_reader(sys.stdin, setattr, server, "should_exit", True)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
    await server.serve(sockets=[listening])


def main() -> None:
    """Runs the server; `examples.responsive` starts it as a separate process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0: any free port")
    parser.add_argument("--picture", type=int, nargs=4, metavar=("WIDTH", "HEIGHT", "LONGEST", "JOBS"))
    arguments = parser.parse_args()
    picture = Picture(*arguments.picture) if arguments.picture else Picture()
    uvloop.run(serve(make_app(picture=picture), arguments.port))


if __name__ == "__main__":
    main()
