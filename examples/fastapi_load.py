"""How long the FastAPI example's page takes to answer, alone and while browsers follow jobs that use all cores.

    python -m examples.fastapi_load --pool      with a private Redis and a pool of its own

    monarq worker examples.jobs                 or: workers in one terminal
    python -m examples.fastapi_load             and this in another

A client asks for the page fifty times a second, as in `examples.responsive`. Meanwhile twenty browsers enqueue jobs
that count primes, one after the other, and follow each by its server-sent events.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console

from monarq.examples.harness.script import make_parser, open_pool, refuse
from monarq.examples.responsive import PATIENCE_S, Answers, measure_page, tabulate, web_server
from monarq.shared.errors import MonarqError

APP: Final = "monarq.examples.fastapi_app"
ALONE_S: Final = 10.0
"""How long the page is measured alone: the slowest of a hundred answers is known only after several hundred."""
JOBS: Final = 1000
BROWSERS: Final = 20
BELOW: Final = 4_000_000


def follow_job(url: str, below: int) -> int:
    """Does what a browser does: enqueues a job that counts primes, and follows it to its result."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection:
        connection.request("POST", f"/counts?below={below}")
        job_id = json.load(connection.getresponse())["job_id"]
        connection.request("GET", f"/counts/{job_id}/events")
        last = b""
        for line in connection.getresponse():
            last = line if line.startswith(b"data: ") else last
    return int(json.loads(last.removeprefix(b"data: "))["result"])


def measure(url: str, jobs: int, below: int = BELOW, alone_s: float = ALONE_S) -> tuple[list[Answers], set[int]]:
    """Measures the page alone and beside jobs; returns the figures, and the jobs' results, which must all be the same.

    Args:
        url: the application.
        jobs: how many jobs are followed.
        below: the number below which each counts.
        alone_s: how long the page is measured alone, in seconds.
    """
    end_s = time.perf_counter() + alone_s
    alone = measure_page(url, "nothing else is done", lambda: time.perf_counter() > end_s)
    with ThreadPoolExecutor(BROWSERS) as browsers:
        followed = [browsers.submit(follow_job, url, below) for _ in range(jobs)]
        beside = measure_page(url, f"{jobs} jobs are followed", lambda: all(job.done() for job in followed))
        return [alone, beside], {job.result() for job in followed}


def check(redis_url: str, console: Console, jobs: int = JOBS, below: int = BELOW) -> Sequence[Answers]:
    """Measures, and prints the figures."""
    load = os.getloadavg()[0]
    with web_server(redis_url, module=APP) as url:
        measured, results = measure(url, jobs, below)
    console.print(tabulate(measured))
    console.print(f"{os.cpu_count()} cores; the load was {load:.1f} before", highlight=False)
    console.print(f"each job counted {', '.join(map(str, results))} primes", highlight=False)
    return measured


def main() -> int:
    """Reads the options, and measures."""
    arguments = make_parser(__doc__).parse_args()
    console = Console()
    with ExitStack() as stack:
        try:
            check(open_pool(stack, arguments, console), console)
        except MonarqError as error:
            return refuse(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
