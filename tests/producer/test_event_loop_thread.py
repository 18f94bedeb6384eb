"""The event loop thread of a `SyncProducer`, interrupted at moments that a signal hits once in a hundred times."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from monarq.producer.event_loop_thread import EventLoopThread
from monarq.shared.errors import ProducerClosedError, ProducerMisusedError

Arrange = Callable[[EventLoopThread, Callable[[], object]], None]


async def nothing() -> None:
    """For the end."""


class Interrupted(EventLoopThread):
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
        EventLoopThread.run(closed_thread(), nothing())


def test_a_timeout_of_the_call_is_its_own() -> None:
    async def fail() -> None:
        raise TimeoutError("mine")

    thread = EventLoopThread("tested", nothing)
    with pytest.raises(TimeoutError, match="mine"):
        thread.run(fail())
    thread.close()


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Arrange]:
    """Has a signal handler do something as soon as a thread is being given its next call."""
    before = signal.getsignal(signal.SIGUSR1)

    def arrange(thread: EventLoopThread, act: Callable[[], object]) -> None:
        signal.signal(signal.SIGUSR1, lambda *_: act())
        monkeypatch.setattr(thread, "_loop", Interrupting(thread._loop))

    yield arrange
    signal.signal(signal.SIGUSR1, before)


class Interrupting:
    """A loop that is interrupted when it is handed its first call."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._comes = True

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        if self._comes:
            self._comes = False
            signal.raise_signal(signal.SIGUSR1)
        self._loop.call_soon_threadsafe(callback)


async def answer(value: str) -> str:
    await asyncio.sleep(0)
    return value


def test_a_signal_handler_may_call_while_a_call_is_handed_over(interrupt: Arrange) -> None:
    thread = EventLoopThread("tested", nothing)
    inner: list[str] = []
    interrupt(thread, lambda: inner.append(thread.run(answer("inner"))))
    assert (thread.run(answer("outer")), inner) == ("outer", ["inner"])
    thread.close()


def test_a_signal_handler_may_close_while_a_call_is_handed_over(interrupt: Arrange) -> None:
    thread = EventLoopThread("tested", nothing)
    interrupt(thread, thread.close)
    with pytest.raises(ProducerClosedError):
        thread.run(answer("outer"))


def test_the_loop_s_own_thread_is_refused_at_once() -> None:
    thread = EventLoopThread("tested", nothing)

    async def call_again() -> None:
        coroutine = answer("inner")
        try:
            thread.run(coroutine)
        finally:
            coroutine.close()

    with pytest.raises(ProducerMisusedError, match="on its own event loop"):
        thread.run(call_again())
    thread.close()


def test_one_that_is_let_go_of_in_its_own_thread_ends() -> None:
    holder = [EventLoopThread("tested", nothing)]
    worker = holder[0]._thread
    holder[0]._loop.call_soon_threadsafe(holder.clear)
    worker.join(10)
    assert not worker.is_alive()


def closed_thread() -> EventLoopThread:
    """One that takes no calls."""
    thread = EventLoopThread("tested", nothing)
    thread.close()
    return thread
