"""A web page that stays responsive while 200 jobs compute on all cores, compared with one that computes by itself.

    python -m examples.responsive --pool            measures both ways, with a private Redis and a pool of its own
    python -m examples.responsive --pool --serve    serves the page; open it and press its buttons

    monarq worker examples.jobs                     or: workers in one terminal
    python -m examples.responsive                   and this in another

The page is that of an ordinary web application: Starlette on uvicorn, a process with an event loop (see
responsive_app.py). A client requests it fifty times a second and measures each answer from the moment when its request
was due, so that no wait is left out.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Final, cast
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Column, Table

from monarq.examples.harness.script import make_parser, open_pool, refuse
from monarq.shared.errors import MonarqError
from monarq.shared.extras import install_command

EVERY_S: Final = 0.02
"""The interval between requests of the page."""

ALONE_S: Final = 2.0
"""How long it is measured before the work starts."""

PATIENCE_S: Final = 600.0
"""How long an answer may take before the measurement fails."""

APP: Final = "monarq.examples.responsive_app"


class MissingExtraError(MonarqError):
    """The web packages are not installed."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How long the page's answers took during some work.

    Attributes:
        doing: the name of the work.
        seconds: how long it took.
        times_s: for each request, the seconds from when it was due to the end of its answer, in ascending order.
        points: the sum over the picture, the same for both ways of drawing; 0 for no picture.
    """

    doing: str
    seconds: float
    times_s: Sequence[float]
    points: int = 0

    def quantile_ms(self, share: float) -> float:
        """The time in ms within which this share of the answers came."""
        return self.times_s[max(0, math.ceil(share * len(self.times_s)) - 1)] * 1000


@contextmanager
def web_server(redis_url: str, *options: str, module: str = APP) -> Iterator[str]:
    """Runs the application in a separate process during the block; yields its URL.

    Args:
        redis_url: the Redis whose queue the workers serve.
        options: the server's options.
        module: a module that serves an application like `responsive_app.serve`.

    Raises:
        MissingExtraError: Starlette or uvicorn is not installed.
    """
    if not all(map(importlib.util.find_spec, ("starlette", "uvicorn"))):
        raise MissingExtraError(f"this example needs Starlette and uvicorn: {install_command('web')}")
    command = [sys.executable, "-m", module, *options]
    environment = os.environ | {"REDIS_URL": redis_url}
    # Its stdin is a pipe that is never written to, so the server exits with this process in any case.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        try:
            url = cast("IO[bytes]", process.stdout).readline().decode().strip()
            if not url:
                raise MonarqError("the web server exited at its start; see its output above")
            yield url
        finally:
            cast("IO[bytes]", process.stdin).close()
            process.wait(10)


def measure_page(url: str, doing: str, is_over: Callable[[], bool]) -> Answers:
    """Requests the page at a steady rate until `is_over`; requests that were due by then but had to wait count, too."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    times_s: list[float] = []
    started_s = due_s = time.perf_counter()
    end_s = math.inf
    while due_s <= end_s:
        time.sleep(max(0.0, due_s - time.perf_counter()))
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise MonarqError(f"the page answered {answer.status} {answer.reason}")
        times_s.append(time.perf_counter() - due_s)
        due_s += EVERY_S
        if end_s == math.inf and is_over():
            end_s = time.perf_counter()
    connection.close()
    return Answers(doing, end_s - started_s, sorted(times_s))


def measure_drawing(url: str, doing: str, way: str) -> Answers:
    """Requests the page while a picture is drawn."""
    with ThreadPoolExecutor(1) as thread:
        drawing: Future[dict[str, float]] = thread.submit(draw, url, way)
        answers = measure_page(url, doing, drawing.done)
        drawn = drawing.result()
    return Answers(doing, drawn["seconds"], answers.times_s, round(drawn["points"]))


def draw(url: str, way: str) -> dict[str, float]:
    """Lets the server draw the picture; returns its figures."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    connection.request("POST", f"/draw/{way}")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise MonarqError(f"the server answered {answer.status}: {body.decode(errors='replace')}")
    drawn: dict[str, float] = json.loads(body)
    return drawn


def measure(url: str, alone_s: float = ALONE_S) -> list[Answers]:
    """Measures the page: without any work, beside jobs, and with the same work inside a request."""
    end_s = time.perf_counter() + alone_s
    return [
        measure_page(url, "nothing else is done", lambda: time.perf_counter() > end_s),
        measure_drawing(url, "jobs of monarq draw", "monarq"),
        measure_drawing(url, "a request draws", "request"),
    ]


def tabulate(measured: Sequence[Answers]) -> Table:
    """The figures as a table."""
    columns = [Column(heading, justify="right") for heading in ("work took", "pages", "p50", "p99", "longest")]
    table = Table("while", *columns)
    for answers in measured:
        figures = [f"{answers.quantile_ms(share):,.1f} ms" for share in (0.5, 0.99, 1)]
        table.add_row(answers.doing, f"{answers.seconds:.1f} s", f"{len(answers.times_s):,}", *figures)
    return table


def check(redis_url: str, console: Console, *options: str) -> bool:
    """Measures, prints the figures, and returns whether both ways drew the same picture.

    Args:
        redis_url: the Redis whose queue the workers serve.
        console: where to show it.
        options: the server's options; by default it draws with 200 jobs.
    """
    load = os.getloadavg()[0]
    with web_server(redis_url, *options) as url:
        measured = measure(url)
    _, pooled, here = measured
    console.print(tabulate(measured))
    console.print(f"{os.cpu_count()} cores; the load was {load:.1f} before", highlight=False)
    console.print(f"the pictures are {'the same' if pooled.points == here.points else 'DIFFERENT'}")
    return pooled.points == here.points


def show(redis_url: str, port: int, console: Console) -> None:
    """Serves the page until Ctrl-C."""
    with web_server(redis_url, "--port", str(port)) as url:
        console.print(f"Open {url} and press its buttons; Ctrl-C ends it.")
        while True:
            time.sleep(3600)


def main() -> int:
    """Reads the options, and measures or serves."""
    parser = make_parser(__doc__)
    parser.add_argument("--serve", action="store_true", help="serve the page, to be opened in a browser")
    parser.add_argument("--port", type=int, default=8080, help="with --serve: where on 127.0.0.1; 0: any free port")
    arguments = parser.parse_args()
    console = Console()
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        try:
            redis_url = open_pool(stack, arguments, console)
            if not arguments.serve:
                return 0 if check(redis_url, console) else 1
            show(redis_url, arguments.port, console)
        except MonarqError as error:
            return refuse(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
