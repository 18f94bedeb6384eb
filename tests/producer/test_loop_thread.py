"""The thread behind `SyncProducer`, interrupted at moments that a signal hits once in a hundred times."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from monarq.producer.errors import ProducerClosedError
from monarq.producer.loop_thread import LoopThread


async def nothing() -> None:
    """For the end."""


class Interrupted(LoopThread):
    """Ctrl-C comes before a call is handed over, or as soon as it has begun, which the event tells."""

    begun: threading.Event | None = None

    def _submit(self, call: Any) -> None:
        if self.begun is not None:
            super()._submit(call)
            assert self.begun.wait(10)
        raise KeyboardInterrupt


@pytest.fixture
def thread() -> Iterator[Interrupted]:
    thread = Interrupted("tested", nothing)
    yield thread
    thread.close()


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupted_call_does_not_go_on(thread: Interrupted, after: bool) -> None:
    begun, ended = threading.Event(), threading.Event()
    where: list[str] = []

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            where.append(threading.current_thread().name)
            ended.set()

    thread.begun = begun if after else None
    with pytest.raises(KeyboardInterrupt):
        thread.run(wait())
    assert ended.wait(10 * after) == after == begun.is_set()
    assert where == ["tested"] * after


def test_a_call_that_is_interrupted_as_the_thread_is_closed(thread: Interrupted) -> None:
    thread.close()
    with pytest.raises(KeyboardInterrupt):
        thread.run(nothing())
    with pytest.raises(ProducerClosedError):
        LoopThread.run(closed_thread(), nothing())


def test_a_timeout_of_the_call_is_its_own() -> None:
    async def fail() -> None:
        raise TimeoutError("mine")

    thread = LoopThread("tested", nothing)
    with pytest.raises(TimeoutError, match="mine"):
        thread.run(fail())
    thread.close()


def closed_thread() -> LoopThread:
    """One that takes no calls."""
    thread = LoopThread("tested", nothing)
    thread.close()
    return thread
