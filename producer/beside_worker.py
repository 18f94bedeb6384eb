"""The producers of a worker's jobs: one for its event loop, one for its threads, which share their connections.

Jobs get them as `producer` of their contexts. They belong to the worker, which closes them when it stops; a job that
closes one has no effect.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any, TypeVar

from redis.asyncio import Redis

from monarq.producer.client import Producer
from monarq.producer.event_loop_thread import SIGNAL_CHECK_S
from monarq.producer.sync import SyncProducer
from monarq.shared.errors import ProducerClosedError, ProducerMisusedError
from monarq.shared.jobs.middleware import AnyMiddleware
from monarq.shared.payloads.codec import Codecs
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S

T = TypeVar("T")

_RETRY_FOR_S = 10.0


class WorkerProducer(Producer):
    """The producer of a worker's jobs.

    Args:
        redis: a client whose connection settings are used.
        shown: the server's address for messages, without secrets.
        queue: the queue of jobs that do not specify one.
        codecs: the formats that the worker reads and writes.
        max_payload: bytes; a larger payload is refused.
        middleware: the application's middleware.
    """

    def __init__(
        self,
        redis: Redis,
        shown: str,
        queue: QueueRef,
        codecs: Codecs,
        max_payload: int,
        middleware: tuple[AnyMiddleware, ...],
    ) -> None:
        self._set_up(redis, shown, queue, codecs, max_payload, _RETRY_FOR_S, SOCKET_TIMEOUT_S, middleware)

    async def close(self) -> None:
        """Does nothing: the worker closes the producer after its last job has ended."""

    async def end(self) -> None:
        """Closes the connections; called by the worker."""
        await super().close()


class ThreadProducer(SyncProducer):
    """The producer of a worker's jobs that run in threads: it uses the one of the event loop, and its connections.

    Args:
        producer: the worker's producer.
        loop: the worker's event loop.
    """

    def __init__(self, producer: WorkerProducer, loop: asyncio.AbstractEventLoop) -> None:
        self._producer = producer
        self._thread = _RunningLoop(loop)


class ChildProducer(SyncProducer):
    """The producer of the jobs of a cpu child. It has its own connections, which last as long as the process."""

    def close(self) -> None:
        """Does nothing: the next job needs it."""


class _RunningLoop:
    """An event loop that runs in another thread and is managed elsewhere."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine there and waits for it; if the wait is interrupted, the coroutine is cancelled.

        Raises:
            ProducerClosedError: the loop is closed, or was closed during the wait.
            ProducerMisusedError: it is the caller's own loop.
            BaseException: whatever the coroutine raised.
        """
        try:
            is_own = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            is_own = False
        if is_own:
            coroutine.close()
            raise ProducerMisusedError(
                "a thread job's producer was called on the event loop, where it would wait for itself: use the producer"
                " of an async def job's Context there"
            )
        try:
            running = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise ProducerClosedError from None
        try:
            while True:
                done, _ = concurrent.futures.wait([running], timeout=SIGNAL_CHECK_S)
                if done:
                    return running.result()
                if self._loop.is_closed():
                    raise ProducerClosedError
        except BaseException:
            if not running.done():
                running.cancel()
            raise

    def close(self) -> None:
        """Does nothing: see `WorkerProducer.close`."""
