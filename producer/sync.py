"""`SyncProducer`: the blocking client for plain scripts, an asyncio `Producer` in a thread of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Literal, ParamSpec, Self, TypeVar, overload

from redis.asyncio import Redis

from monarq.producer.client import Producer
from monarq.producer.event_loop_thread import EventLoopThread
from monarq.producer.results.handle import Handle
from monarq.shared.errors import ProducerClosedError
from monarq.shared.jobs.job import Job
from monarq.shared.parsing import Duration
from monarq.shared.payloads.codec import DEFAULT_MAX_PAYLOAD, Codec
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.producer_queue import JobStatus
from monarq.shared.protocol.queue_ref import DEFAULT_QUEUE
from monarq.shared.queue import Queue
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class SyncHandle(Generic[R_co]):
    """A job by its id: as `Handle`, but blocking.

    Attributes:
        handle: the asyncio handle behind it.
    """

    __slots__ = ("_thread", "handle")

    def __init__(self, thread: EventLoopThread, handle: Handle[R_co]) -> None:
        self._thread = thread
        self.handle = handle

    def __repr__(self) -> str:
        return repr(self.handle)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.handle.job_id

    @property
    def queue(self) -> str:
        """The name of its queue."""
        return self.handle.queue

    @property
    def existed(self) -> bool:
        """Whether ``enqueue`` found a job or a result of this id and put nothing in."""
        return self.handle.existed

    def result(self, timeout: Duration | None = None) -> R_co:
        """See `Handle.result`."""
        return self._thread.run(self.handle.result(timeout))

    def result_info(self) -> Result | None:
        """See `Handle.result_info`."""
        return self._thread.run(self.handle.result_info())

    def status(self) -> JobStatus:
        """See `Handle.status`."""
        return self._thread.run(self.handle.status())

    def progress(self) -> Progress | None:
        """See `Handle.progress`."""
        return self._thread.run(self.handle.progress())

    def abort(self, timeout: Duration | None = None) -> bool:
        """See `Handle.abort`."""
        return self._thread.run(self.handle.abort(timeout))


class SyncProducer:
    """Enqueues jobs and waits for them, blocking; any number of threads may use it, and signal handlers too.

    Use it in ``with``, or call `close`. The settings are those of `Producer`: a client given as `redis` is one of
    redis.asyncio here as well. A process that forks makes a producer in each child.

    Raises:
        SettingsError: a setting has an invalid value.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        redis: Redis | None = None,
        queue: str | Queue = DEFAULT_QUEUE,
        codec: Literal["msgpack", "pickle"] | Codec = "msgpack",
        allow_pickle: bool = False,
        max_payload: int | str = DEFAULT_MAX_PAYLOAD,
        retry_for: Duration = 10.0,
        redis_timeout: Duration = SOCKET_TIMEOUT_S,
        signing_key: str | None = None,
    ) -> None:
        self._producer = Producer(
            url,
            redis=redis,
            queue=queue,
            codec=codec,
            allow_pickle=allow_pickle,
            max_payload=max_payload,
            retry_for=retry_for,
            redis_timeout=redis_timeout,
            signing_key=signing_key,
        )
        self._thread = EventLoopThread("monarq-producer", self._producer.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """See `Producer.close`; other threads that wait get ProducerClosedError."""
        self._thread.close()

    @overload
    def enqueue(self, job: Job[P, R], /, *args: P.args, **kwargs: P.kwargs) -> SyncHandle[R]: ...
    @overload
    def enqueue(self, job: str, /, *args: Any, **kwargs: Any) -> SyncHandle[Any]: ...
    def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> SyncHandle[Any]:
        """See `Producer.enqueue`."""
        return SyncHandle(self._thread, self._thread.run(self._producer.enqueue(job, *args, **kwargs)))

    @overload
    def enqueue_many(self, job: Job[..., R], arguments: Iterable[tuple[Any, ...]]) -> list[SyncHandle[R]]: ...
    @overload
    def enqueue_many(self, job: str, arguments: Iterable[tuple[Any, ...]]) -> list[SyncHandle[Any]]: ...
    def enqueue_many(self, job: Any, arguments: Iterable[tuple[Any, ...]]) -> list[SyncHandle[Any]]:
        """See `Producer.enqueue_many`."""
        # Taken from the caller's iterable in the caller's thread.
        handles = self._thread.run(self._producer.enqueue_many(job, list(arguments)))
        return [SyncHandle(self._thread, handle) for handle in handles]

    @overload
    def map(
        self, job: Job[..., R], arguments: Iterable[tuple[Any, ...]], *, timeout: Duration | None = None
    ) -> list[R]: ...
    @overload
    def map(self, job: str, arguments: Iterable[tuple[Any, ...]], *, timeout: Duration | None = None) -> list[Any]: ...
    def map(self, job: Any, arguments: Iterable[tuple[Any, ...]], *, timeout: Duration | None = None) -> list[Any]:
        """See `Producer.map`."""
        values: list[Any] = self._thread.run(self._producer.map(job, list(arguments), timeout=timeout))
        return values

    @overload
    def as_completed(
        self,
        handles: Iterable[SyncHandle[R]],
        *,
        timeout: Duration | None = None,
        return_exceptions: Literal[False] = False,
    ) -> Iterator[tuple[SyncHandle[R], R]]: ...
    @overload
    def as_completed(
        self, handles: Iterable[SyncHandle[R]], *, timeout: Duration | None = None, return_exceptions: bool
    ) -> Iterator[tuple[SyncHandle[R], R | Exception]]: ...
    def as_completed(
        self, handles: Iterable[SyncHandle[Any]], *, timeout: Duration | None = None, return_exceptions: bool = False
    ) -> Iterator[tuple[SyncHandle[Any], Any]]:
        """See `Producer.as_completed`."""
        waiting = {handle.handle: handle for handle in handles}
        completed = self._producer.as_completed(waiting, timeout=timeout, return_exceptions=return_exceptions)
        try:
            while True:
                try:
                    handle, value = self._thread.run(_next(completed))
                except StopAsyncIteration:
                    return
                yield waiting[handle], value
        finally:
            with suppress(ProducerClosedError):
                self._thread.run(completed.aclose())

    def handle(self, job_id: str, queue: str | Queue | None = None) -> SyncHandle[Any]:
        """See `Producer.handle`."""
        return SyncHandle(self._thread, self._producer.handle(job_id, queue))


async def _next(completed: AsyncIterator[T]) -> T:
    return await anext(completed)
