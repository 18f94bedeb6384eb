"""Many HTTP requests at once, compared with one after another.

    monarq worker examples.jobs         in one terminal
    python -m examples.network          in another
    python -m examples.network --pool   or all in one: with a private Redis and a pool of its own

A request mostly waits, so 100 of them can wait at the same time in one process. The server is a small one in this
script that takes 60 ms for each answer, like a service on the other side of a country.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from monarq import Producer
from monarq.examples.harness.script import run_script
from monarq.examples.harness.slow_server import SlowServer
from monarq.examples.harness.workload import OnPart, Workload
from monarq.examples.jobs import fetch


def fetch_one_by_one(urls: Sequence[str], on_part: OnPart) -> dict[str, str]:
    """The pages by URL, each requested after the previous one has arrived."""
    pages = {}
    for url in urls:
        with urllib.request.urlopen(url) as response:
            pages[url] = response.read().decode()
        on_part()
    return pages


async def fetch_with_pool(urls: Sequence[str], producer: Producer, on_part: OnPart) -> dict[str, str]:
    """The same by jobs: all are enqueued in one call, and their results are read as they arrive."""
    handles = await producer.enqueue_many(fetch, [(url,) for url in urls])
    url_of = dict(zip(handles, urls, strict=True))
    pages = {}
    async for handle, page in producer.as_completed(handles):
        pages[url_of[handle]] = page
        on_part()
    return pages


@contextmanager
def network_workload(requests: int = 100, latency_s: float = 0.06) -> Iterator[Workload]:
    """The workload, with its server for the duration of the block."""
    with SlowServer(latency_s) as server:
        urls = [f"{server.url}/{number}" for number in range(requests)]
        yield Workload(
            title=f"network: HTTP, {latency_s * 1000:.0f} ms each",
            jobs=requests,
            one_by_one=partial(fetch_one_by_one, urls),
            with_pool=partial(fetch_with_pool, urls),
            waits_for="answers",
        )


if __name__ == "__main__":
    sys.exit(run_script(network_workload, __doc__))
