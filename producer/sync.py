"""`SyncProducer`: the blocking client for plain scripts, which runs an asyncio `Producer` in its own thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import closing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Self, TypeVar, TypeVarTuple, Unpack, overload

from redis.asyncio import Redis

from monarq.producer.client import Producer
from monarq.producer.enqueue.job_reference import JobReference
from monarq.producer.enqueue.serializer import check_not_called
from monarq.producer.event_loop_thread import EventLoopThread, LoopThread
from monarq.producer.results.handle import Handle
from monarq.producer.results.job_info import JobInfo
from monarq.producer.unknown_methods import unknown_method
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.errors import ProducerClosedError
from monarq.shared.jobs.job import BoundJob, Job
from monarq.shared.jobs.middleware import AnyMiddleware
from monarq.shared.parsing import Duration
from monarq.shared.payloads.codec import Codec
from monarq.shared.payloads.progress import Progress
from monarq.shared.protocol.job_state import JobState
from monarq.shared.queue import Queue

P = ParamSpec("P")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class SyncHandle(Generic[R_co]):
    """An enqueued job: as `Handle`, but blocking."""

    __slots__ = ("_handle", "_thread")

    def __init__(self, thread: LoopThread, handle: Handle[R_co]) -> None:
        self._thread = thread
        self._handle = handle

    def __repr__(self) -> str:
        return repr(self._handle)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._handle.job_id

    @property
    def queue(self) -> str:
        """The name of its queue."""
        return self._handle.queue

    @property
    def existed(self) -> bool:
        """Whether ``enqueue`` found a job or a result with this id, and so enqueued nothing."""
        return self._handle.existed

    def result(self, timeout: Duration | None = None) -> R_co:
        """See `Handle.result`."""
        return self._thread.run(self._handle.result(timeout))

    def state(self) -> JobState:
        """See `Handle.state`."""
        return self._thread.run(self._handle.state())

    def info(self) -> JobInfo | None:
        """See `Handle.info`."""
        return self._thread.run(self._handle.info())

    def progress(self) -> Progress | None:
        """See `Handle.progress`."""
        return self._thread.run(self._handle.progress())

    def watch(self) -> Iterator[Progress]:
        """See `Handle.watch`."""
        return _iterate(self._thread, self._handle.watch())

    def on_progress(self, callback: Callable[[Progress], None]) -> Callable[[], None]:
        """See `Handle.on_progress`; the callback is called in the producer's own thread."""
        end = self._thread.run(_call(self._handle.on_progress, callback))
        return lambda: self._thread.run(_call(end))

    def cancel(self, *, timeout: Duration | None = None) -> bool:
        """See `Handle.cancel`."""
        return self._thread.run(self._handle.cancel(timeout=timeout))


class SyncProducer:
    """Enqueues jobs and waits for them, blocking. Any number of threads, and signal handlers, may use it.

    Use it in ``with``, or call `close`. The settings are those of `Producer`; a client passed as `redis` must be one of
    redis.asyncio here too. If the process forks, make a new producer in each child.

    Raises:
        SettingsError: a setting has an invalid value.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        redis: Redis | None = None,
        queue: str | Queue | None = None,
        codec: Literal["msgpack", "pickle"] | Codec | None = None,
        allow_pickle: bool | None = None,
        max_payload: int | str | None = None,
        retry_for: Duration | None = None,
        redis_timeout: Duration | None = None,
        signing_key: str | None = None,
        check_arguments: bool | None = None,
        middleware: Iterable[AnyMiddleware] = (),
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
            middleware=middleware,
            check_arguments=check_arguments,
        )
        self._thread: LoopThread = EventLoopThread("monarq-producer", self._producer.close)

    def __repr__(self) -> str:
        return f"<Sync{repr(self._producer)[1:]}"

    if not TYPE_CHECKING:  # type checkers would accept any attribute, and `async with`

        def __getattr__(self, name: str) -> Any:
            """See `Producer.__getattr__`."""
            raise unknown_method(self, name)

        async def __aenter__(self) -> Any:
            raise TypeError("use `with SyncProducer(...)`; in asyncio code: `async with Producer(...)`")

        async def __aexit__(self, *error: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """See `Producer.close`. Other threads that are waiting get ProducerClosedError."""
        self._thread.close()

    @overload
    def enqueue(self, job: Job[P, R], /, *args: P.args, **kwargs: P.kwargs) -> SyncHandle[R]: ...
    @overload
    def enqueue(self, job: BoundJob[R], /) -> SyncHandle[R]: ...
    @overload
    def enqueue(self, job: str, /, *args: Any, **kwargs: Any) -> SyncHandle[Any]: ...
    def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> SyncHandle[Any]:
        """See `Producer.enqueue`."""
        return SyncHandle(self._thread, self._thread.run(self._producer.enqueue(job, *args, **kwargs)))

    @overload
    def enqueue_many(self, jobs: Iterable[BoundJob[R]], /) -> list[SyncHandle[R]]: ...
    @overload
    def enqueue_many(
        self, job: Callable[[Context, Unpack[Ts]], Coroutine[Any, Any, R]], arguments: Iterable[tuple[*Ts]], /
    ) -> list[SyncHandle[R]]: ...
    @overload
    def enqueue_many(
        self, job: Callable[[Unpack[Ts]], Coroutine[Any, Any, R]], arguments: Iterable[tuple[*Ts]], /
    ) -> list[SyncHandle[R]]: ...
    @overload
    def enqueue_many(
        self, job: Callable[[SyncContext, Unpack[Ts]], R], arguments: Iterable[tuple[*Ts]], /
    ) -> list[SyncHandle[R]]: ...
    @overload
    def enqueue_many(
        self, job: Callable[[Unpack[Ts]], R], arguments: Iterable[tuple[*Ts]], /
    ) -> list[SyncHandle[R]]: ...
    @overload
    def enqueue_many(self, job: JobReference[R], arguments: Iterable[tuple[Any, ...]], /) -> list[SyncHandle[R]]: ...
    @overload
    def enqueue_many(self, job: str, arguments: Iterable[tuple[Any, ...]], /) -> list[SyncHandle[Any]]: ...
    def enqueue_many(self, job: Any, arguments: Iterable[tuple[Any, ...]] | None = None, /) -> list[SyncHandle[Any]]:
        """See `Producer.enqueue_many`."""
        handles = self._thread.run(self._producer.enqueue_many(*_listed(job, arguments)))
        return [SyncHandle(self._thread, handle) for handle in handles]

    @overload
    def map(self, jobs: Iterable[BoundJob[R]], /, *, timeout: Duration | None = None) -> list[R]: ...
    @overload
    def map(
        self,
        job: Callable[[Context, Unpack[Ts]], Coroutine[Any, Any, R]],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    def map(
        self,
        job: Callable[[Unpack[Ts]], Coroutine[Any, Any, R]],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    def map(
        self,
        job: Callable[[SyncContext, Unpack[Ts]], R],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    def map(
        self,
        job: Callable[[Unpack[Ts]], R],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    def map(
        self, job: JobReference[R], arguments: Iterable[tuple[Any, ...]], /, *, timeout: Duration | None = None
    ) -> list[R]: ...
    @overload
    def map(
        self, job: str, arguments: Iterable[tuple[Any, ...]], /, *, timeout: Duration | None = None
    ) -> list[Any]: ...
    def map(
        self, job: Any, arguments: Iterable[tuple[Any, ...]] | None = None, /, *, timeout: Duration | None = None
    ) -> list[Any]:
        """See `Producer.map`."""
        values: list[Any] = self._thread.run(self._producer.map(*_listed(job, arguments), timeout=timeout))
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
        waiting = {_asyncio_handle(handle): handle for handle in handles}
        ended = self._producer.as_completed(waiting, timeout=timeout, return_exceptions=return_exceptions)
        with closing(_iterate(self._thread, ended)) as pairs:
            for handle, value in pairs:
                yield waiting[handle], value

    def watch(self, handles: Iterable[SyncHandle[R]]) -> Iterator[tuple[SyncHandle[R], Progress]]:
        """See `Producer.watch`."""
        watched = {_asyncio_handle(handle): handle for handle in handles}
        with closing(_iterate(self._thread, self._producer.watch(watched))) as pairs:
            for handle, progress in pairs:
                yield watched[handle], progress

    @overload
    def handle(self, job_id: str, queue: str | Queue | None = None) -> SyncHandle[Any]: ...
    @overload
    def handle(self, job_id: str, queue: str | Queue | None = None, *, type: type[R]) -> SyncHandle[R]: ...
    def handle(
        self,
        job_id: str,
        queue: str | Queue | None = None,
        *,
        type: Any = Any,  # noqa: A002
    ) -> SyncHandle[Any]:
        """See `Producer.handle`."""
        return SyncHandle(self._thread, self._producer.handle(job_id, queue, type=type))


def yield_to_sandbox(producer: Producer | SyncProducer, url: str | None) -> None:
    """Lets a producer that was made with a URL of a framework's settings use a sandbox's Redis while a test has one.

    Args:
        producer: the producer, before its first use.
        url: the URL. None: the environment names its Redis, and so a sandbox overrides it already.
    """
    if url is not None:
        inner = producer._producer if isinstance(producer, SyncProducer) else producer  # noqa: SLF001 - private to users only
        inner._yield_to_sandbox(url)  # noqa: SLF001


def check_arguments(producer: SyncProducer, job: Job[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Checks arguments as an enqueue by this producer does, without enqueueing anything.

    Raises:
        ArgumentsError: the job does not accept them.
    """
    producer._producer._serializer.arguments.encode(job, args, kwargs)  # noqa: SLF001 - private to users only


def call_on_loop(producer: SyncProducer, function: Callable[[Producer], Coroutine[Any, Any, T]]) -> T:
    """Calls a function with a blocking producer's asyncio producer, on its event loop, and waits for the result."""
    return producer._thread.run(function(producer._producer))  # noqa: SLF001 - private to users only


def _asyncio_handle(handle: SyncHandle[R]) -> Handle[R]:
    return handle._handle  # noqa: SLF001 - private to users only


def _iterate(thread: LoopThread, values: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The values of an async generator, which is closed with this one."""
    try:
        while True:
            try:
                value = thread.run(_next(values))
            except StopAsyncIteration:
                return
            yield value
    finally:
        with suppress(ProducerClosedError):
            thread.run(values.aclose())


def _listed(job: Any, arguments: Iterable[tuple[Any, ...]] | None) -> tuple[Any, ...]:
    """The same arguments as lists, so that the caller's iterables are consumed in the caller's thread."""
    if arguments is not None:
        return job, list(arguments)
    check_not_called(job)
    return (job if isinstance(job, (Job, str)) else list(job),)


async def _next(values: AsyncIterator[T]) -> T:
    return await anext(values)


async def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a function in the loop's thread."""
    return function(*args, **kwargs)
