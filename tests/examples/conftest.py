"""One pool for all tests of the examples: a Redis of its own and a real `monarq worker`, as `--pool` starts them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from monarq import Producer
from monarq.examples import jobs
from monarq.examples.harness.pool import LocalPool
from tests.examples.marked_process import MarkedProcess


@pytest.fixture(scope="session")
def pool() -> Iterator[LocalPool]:
    with LocalPool(jobs.__name__, workers=2) as running:
        yield running


@pytest.fixture
async def producer(pool: LocalPool) -> AsyncIterator[Producer]:
    async with Producer(pool.url) as producer:
        yield producer


@pytest.fixture
def start() -> Iterator[Callable[..., MarkedProcess]]:
    """Starts a Python process with a folder of its own for temporary files; all that it leaves behind is killed."""
    started: list[MarkedProcess] = []
    with ExitStack() as folders:

        def start_marked(*arguments: str) -> MarkedProcess:
            # Not pytest's own folder: its path is too long for a socket.
            folder = folders.enter_context(tempfile.TemporaryDirectory(prefix="m"))
            started.append(MarkedProcess(arguments, Path(folder)))
            return started[-1]

        yield start_marked
        for process in started:
            process.kill_all()
