"""`Producer`: the client for asyncio programs, which enqueues jobs and waits for their results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Self, TypeVar, TypeVarTuple, Unpack, overload

from redis.asyncio import Redis

from monarq.producer.enqueue.bound import BoundEnqueuer, EnqueuedJob
from monarq.producer.enqueue.bulk import BulkEnqueuer, check_no_id
from monarq.producer.enqueue.job_reference import JobReference
from monarq.producer.enqueue.serializer import Envelope, JobSerializer, check_not_called
from monarq.producer.enqueue.submitter import Submitter
from monarq.producer.redis_options import resolve_redis
from monarq.producer.results.as_completed import as_completed
from monarq.producer.results.handle import Handle, queue_of
from monarq.producer.results.progress_stream import stream_progress
from monarq.producer.results.result_listener import ResultListener
from monarq.producer.results.tracker import Tracker
from monarq.producer.sending import outgoing_of, send_each, with_middleware
from monarq.producer.unaddressed import UNADDRESSED, is_sandboxed
from monarq.producer.unknown_methods import unknown_method
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.job_types import types_by_hand
from monarq.shared.errors import ArgumentsError, SettingsError
from monarq.shared.jobs.job import BoundJob, Job, types_of
from monarq.shared.jobs.middleware import INSTALLED, AnyMiddleware, Outgoing, check_middleware, send_functions
from monarq.shared.parsing import Duration, to_seconds
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codec, Codecs
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.signing import find_signer
from monarq.shared.protocol.cluster_check import check_queue
from monarq.shared.protocol.enqueue import Enqueued
from monarq.shared.protocol.producer_queue import StaleIdsError
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue, checked_ref
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.connection import environment_url
from monarq.shared.redis.private_client import private_client
from monarq.shared.settings.lookup import chosen
from monarq.shared.tracing.tracing import sending
from monarq.shared.validation import check_headers, check_job_id

P = ParamSpec("P")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")

LISTENER_CONNECTIONS = 2


class Producer:
    """Enqueues jobs, and returns handles to wait for them. Use one per event loop; any number of tasks may share it.

    It connects when it is first used. Use it in ``async with``, or call `close`. Settings that are not given are taken
    from the environment, else from ``[tool.monarq]`` in pyproject.toml, else they have the defaults below.

    Args:
        url: the Redis URL: ``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://host:26379/service``, or
            ``redis+cluster://`` with some of the cluster's nodes. Default: MONARQ_REDIS, else pyproject.toml, else
            REDIS_URL, else localhost.
        redis: instead of a URL, a redis.asyncio client whose connection settings are used. The client itself is not
            used, so it may belong to another event loop.
        queue: the queue of jobs that do not specify one: a name, which means a native queue, or a `Queue`. Default:
            ``default``.
        codec: the format of payloads: "msgpack", "pickle" (which also allows pickled results), or your own `Codec`.
            Default: "msgpack".
        allow_pickle: read pickled results, as written by arq's workers. Use it only if everyone who can write to this
            Redis is trusted. Default: False.
        max_payload: the largest payload, in bytes or as "8MB". Default: 8 MB.
        retry_for: the `Duration` for which an enqueue is retried while Redis is unreachable. Default: 10 s.
        redis_timeout: the `Duration` after which a call to Redis times out. Default: 5 s.
        signing_key: the key to sign jobs with; only signed results are then read. Several keys, separated by commas,
            allow key rotation. The workers need the same key. Default: MONARQ_SIGNING_KEY, else nothing is signed.
        check_arguments: before anything is sent, refuse arguments that do not fit the job's signature and annotations,
            or that would come back as another type. If False, the worker refuses them, and the job is dead with the
            reason. Default: True.
        middleware: wraps each enqueue, and each job of `enqueue_many` separately; the first is the outermost.

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
        chosen_codecs = _choose_codecs(
            chosen("", "codec") if codec is None else codec, chosen("", "allow_pickle", allow_pickle)
        )
        codecs = replace(chosen_codecs, signer=find_signer(signing_key))
        template, shown = resolve_redis(url, redis)
        retry_for_s, timeout_s = chosen("", "retry_for", retry_for), chosen("", "redis_timeout", redis_timeout)
        largest = chosen("", "max_payload", max_payload)
        default_queue = checked_ref(chosen("", "queue") if queue is None else queue)
        wrapped, checks = check_middleware(middleware), chosen("", "check_arguments", check_arguments)
        self._settings = (default_queue, codecs, largest, retry_for_s, timeout_s, wrapped, checks)
        self._set_up(template, shown, *self._settings)
        self._fallback: tuple[str | None, Redis | None] = None, None
        self._is_overridden: Callable[[], object] = environment_url
        if url is None and redis is None:
            UNADDRESSED.add(self)

    def _set_up(
        self,
        template: Redis,
        shown: str,
        queue: QueueRef,
        codecs: Codecs,
        max_payload: int,
        retry_for_s: float,
        timeout_s: float,
        middleware: tuple[AnyMiddleware, ...],
        check_arguments: bool = True,
    ) -> None:
        # Kept alive: if it asks sentinels for the server, our connections use its sentinel clients.
        self._template = template
        self._redis = private_client(self._template, shown=shown, timeout_s=timeout_s)
        self._listener_redis = private_client(
            self._template, shown=shown, timeout_s=timeout_s, connections=LISTENER_CONNECTIONS
        )
        self._listener = ResultListener(self._listener_redis)
        self._serializer = JobSerializer(
            queue, codecs, max_payload, partial(check_queue, self._redis), check_arguments=check_arguments
        )
        self._submitter = Submitter(self._redis, retry_for_s)
        # None without middleware, so that an enqueue has no overhead for it.
        self._send = with_middleware(send_functions((*INSTALLED, *middleware)), self._enqueue_outgoing)
        self._tracker = Tracker(self._redis, self._listener, codecs, retry_for_s)

    def _find_redis_again(self) -> tuple[asyncio.AbstractEventLoop | None, Coroutine[Any, Any, None]]:
        """Resolves the Redis address again. In tests, for producers that were given none; see `unaddressed`."""
        used_on = self._redis.used_on
        close = _close(self._listener_redis, self._listener, self._redis)
        template, shown = resolve_redis(None, None) if self._is_overridden() else resolve_redis(*self._fallback)
        self._set_up(template, shown, *self._settings)
        return used_on, close

    def _fall_back_on(self, url: str | None, redis: Redis | None) -> None:
        """Notes that its Redis is only the application's, which the environment overrides; see `unaddressed`."""
        self._fallback = url, redis
        UNADDRESSED.add(self)

    def _yield_to_sandbox(self, url: str) -> None:
        """Notes that its Redis is that of a framework's settings: a sandbox overrides it, the environment does not."""
        self._is_overridden = is_sandboxed
        self._fall_back_on(url, None)
        if is_sandboxed():
            self._find_redis_again()[1].close()  # nothing is connected yet

    def __repr__(self) -> str:
        return f"<Producer of {self._settings[0].label}, Redis at {self._redis.shown}>"

    if not TYPE_CHECKING:  # type checkers would accept any attribute, and `with`

        def __getattr__(self, name: str) -> Any:
            """For methods of other libraries, such as `enqueue_job`, raises an error that says what to call."""
            raise unknown_method(self, name)

        def __enter__(self) -> Any:
            raise TypeError("use `async with Producer(...)`; in code without asyncio: `with SyncProducer(...)`")

        def __exit__(self, *error: object) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections, and ends all waits with ProducerClosedError. May be called more than once.

        It does not wait for jobs or enqueues in progress. Jobs that are in the queue stay there.
        """
        await _close(self._listener_redis, self._listener, self._redis)

    @overload
    async def enqueue(self, job: Job[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]: ...
    @overload
    async def enqueue(self, job: BoundJob[R], /) -> Handle[R]: ...
    @overload
    async def enqueue(self, job: str, /, *args: Any, **kwargs: Any) -> Handle[Any]: ...
    async def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> Handle[Any]:
        """Puts a job into its queue. When it returns, the job is in the queue, or was there already.

        Args:
            job: a function decorated with ``@job``, optionally with ``.options(...)``; a job with its arguments, as
                returned by ``.bind(...)``; or a job's name, if its code is elsewhere.
            args: the job's positional arguments.
            kwargs: its keyword arguments.

        Returns:
            The job's handle; `existed` is true if a job or a result with the `job_id` of the options was there already.

        Raises:
            ArgumentsError: (a TypeError and a PayloadError) the job does not accept the arguments.
            PayloadTooLargeError: the arguments are too large.
            RedisUnavailableError: Redis could not be reached for `retry_for`; nothing was enqueued.
            RedisRefusedError: Redis refused it; nothing was enqueued.
            EnqueueUnknownError: it is unknown whether the job was enqueued.
            ProducerClosedError: the producer is closed.
        """
        if isinstance(job, BoundJob):
            if args or kwargs:
                raise ArgumentsError(f"{job!r} already has its arguments: do not pass others")
            job, args, kwargs = job.job, job.args, dict(job.kwargs)
        envelope = self._serializer.envelope(job)
        if self._send is not None:
            self._serializer.arguments.encode(envelope.job, args, kwargs)  # refused jobs do not reach middleware
            return await self._send(outgoing_of(envelope, args, kwargs))
        args, kwargs = self._serializer.arguments.encode(envelope.job, args, kwargs)
        return self._handle_of(await self._enqueue_one(envelope, args, kwargs))

    async def _enqueue_outgoing(self, outgoing: Outgoing) -> Handle[Any]:
        """Enqueues a job that middleware has passed on."""
        envelope = self._serializer.envelope(outgoing.job)
        envelope.headers = check_headers(outgoing.headers)
        args, kwargs = self._serializer.arguments.encode(envelope.job, outgoing.args, outgoing.kwargs)
        return self._handle_of(await self._enqueue_one(envelope, args, kwargs))

    async def _enqueue_one(self, envelope: Envelope, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> EnqueuedJob:
        """Enqueues a job whose arguments are already encoded."""
        try:
            return await self._submit_one(envelope, args, kwargs)
        except StaleIdsError:
            return await self._submit_one(envelope, args, kwargs)

    async def _submit_one(self, envelope: Envelope, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> EnqueuedJob:
        job_id = envelope.job_id or envelope.queue.new_job_ids(1)[0]
        with sending(envelope.queue.ref.name, envelope.job.name, job_id=job_id) as envelope.trace:
            [code] = await self._submitter.submit(
                envelope, [(job_id, self._serializer.serialize(envelope, job_id, args, kwargs))]
            )
        return EnqueuedJob(envelope, job_id, code is Enqueued.EXISTED)

    def _handle_of(self, enqueued: EnqueuedJob) -> Handle[Any]:
        envelope, job_id, existed = enqueued
        return Handle(self._tracker, envelope.queue, job_id, existed=existed, types=types_of(envelope.job))

    @overload
    async def enqueue_many(self, jobs: Iterable[BoundJob[R]], /) -> list[Handle[R]]: ...
    @overload
    async def enqueue_many(
        self, job: Callable[[Context, Unpack[Ts]], Coroutine[Any, Any, R]], arguments: Iterable[tuple[*Ts]], /
    ) -> list[Handle[R]]: ...
    @overload
    async def enqueue_many(
        self, job: Callable[[Unpack[Ts]], Coroutine[Any, Any, R]], arguments: Iterable[tuple[*Ts]], /
    ) -> list[Handle[R]]: ...
    @overload
    async def enqueue_many(
        self, job: Callable[[SyncContext, Unpack[Ts]], R], arguments: Iterable[tuple[*Ts]], /
    ) -> list[Handle[R]]: ...
    @overload
    async def enqueue_many(
        self, job: Callable[[Unpack[Ts]], R], arguments: Iterable[tuple[*Ts]], /
    ) -> list[Handle[R]]: ...
    @overload
    async def enqueue_many(self, job: JobReference[R], arguments: Iterable[tuple[Any, ...]], /) -> list[Handle[R]]: ...
    @overload
    async def enqueue_many(self, job: str, arguments: Iterable[tuple[Any, ...]], /) -> list[Handle[Any]]: ...
    async def enqueue_many(self, job: Any, arguments: Iterable[tuple[Any, ...]] | None = None, /) -> list[Handle[Any]]:
        """Enqueues many jobs, up to a thousand per command. All arguments are checked first.

        Pass either one job and a list of arguments, ``enqueue_many(resize, [("a",), ("b",)])``, or a list of jobs with
        their arguments, ``enqueue_many([resize.bind("a", width=5), send.bind("x@y")])``. In such a list, calls of the
        same job with the same options keep their order in the queue.

        Args:
            job: the job, as for `enqueue`; its options apply to all calls and must not set a job_id. Or a list of jobs
                as returned by ``.bind(...)``, each with its own options.
            arguments: a tuple of positional arguments for each call.

        Returns:
            The handles, in the order of the arguments.

        Raises:
            PartlyEnqueuedError: some jobs were enqueued, and others were not or their outcome is unknown; the error
                lists them.
            Exception: as for `enqueue`; nothing was enqueued.
        """
        return await self._enqueue_all(job, arguments)

    @overload
    async def map(self, jobs: Iterable[BoundJob[R]], /, *, timeout: Duration | None = None) -> list[R]: ...
    @overload
    async def map(
        self,
        job: Callable[[Context, Unpack[Ts]], Coroutine[Any, Any, R]],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    async def map(
        self,
        job: Callable[[Unpack[Ts]], Coroutine[Any, Any, R]],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    async def map(
        self,
        job: Callable[[SyncContext, Unpack[Ts]], R],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    async def map(
        self,
        job: Callable[[Unpack[Ts]], R],
        arguments: Iterable[tuple[*Ts]],
        /,
        *,
        timeout: Duration | None = None,
    ) -> list[R]: ...
    @overload
    async def map(
        self, job: JobReference[R], arguments: Iterable[tuple[Any, ...]], /, *, timeout: Duration | None = None
    ) -> list[R]: ...
    @overload
    async def map(
        self, job: str, arguments: Iterable[tuple[Any, ...]], /, *, timeout: Duration | None = None
    ) -> list[Any]: ...
    async def map(
        self, job: Any, arguments: Iterable[tuple[Any, ...]] | None = None, /, *, timeout: Duration | None = None
    ) -> list[Any]:
        """Enqueues many jobs, waits for all, and returns their results in the order of the arguments.

        Args:
            job: as for `enqueue_many`.
            arguments: a tuple of positional arguments for each call.
            timeout: the `Duration` to wait for the results. Default: no limit.

        Raises:
            Exception: the exception of the first job to fail, raised as soon as it fails; the other jobs continue.
                Otherwise as for `enqueue_many` and `as_completed`.
        """
        handles = await self._enqueue_all(job, arguments)
        values = {handle: value async for handle, value in self.as_completed(handles, timeout=timeout)}
        return [values[handle] for handle in handles]

    @overload
    def as_completed(
        self,
        handles: Iterable[Handle[R]],
        *,
        timeout: Duration | None = None,
        return_exceptions: Literal[False] = False,
    ) -> AsyncGenerator[tuple[Handle[R], R], None]: ...
    @overload
    def as_completed(
        self, handles: Iterable[Handle[R]], *, timeout: Duration | None = None, return_exceptions: bool
    ) -> AsyncGenerator[tuple[Handle[R], R | Exception], None]: ...
    def as_completed(
        self, handles: Iterable[Handle[Any]], *, timeout: Duration | None = None, return_exceptions: bool = False
    ) -> AsyncGenerator[tuple[Handle[Any], Any], None]:
        """Yields each handle with its job's result, in the order in which the jobs end.

        Args:
            handles: the jobs.
            timeout: the `Duration` within which all must have ended. Default: no limit.
            return_exceptions: yield a job's exception in place of its result, and continue. By default the exception is
                raised at that point and ends the iteration.

        Raises:
            ResultTimeoutError: not all jobs ended in time.
            Exception: the exception of a job; see `Handle.result`.
        """
        timeout_s = to_seconds(timeout, "timeout")
        return as_completed(self._tracker, handles, timeout_s=timeout_s, return_exceptions=return_exceptions)

    def watch(self, handles: Iterable[Handle[R]]) -> AsyncGenerator[tuple[Handle[R], Progress], None]:
        """Yields each handle with its job's progress reports, as they arrive, until all jobs have ended.

        Args:
            handles: the jobs.

        Raises:
            MonarqError: as for `Handle.watch`.
        """
        return stream_progress(self._listener, ((handle, queue_of(handle), handle.job_id) for handle in handles))

    @overload
    def handle(self, job_id: str, queue: str | Queue | None = None) -> Handle[Any]: ...
    @overload
    def handle(self, job_id: str, queue: str | Queue | None = None, *, type: type[R]) -> Handle[R]: ...
    def handle(
        self,
        job_id: str,
        queue: str | Queue | None = None,
        *,
        type: Any = Any,  # noqa: A002
    ) -> Handle[Any]:
        """A handle for the job with this id, whoever enqueued it.

        Args:
            job_id: the job's id.
            queue: its queue. Default: the producer's.
            type: the type of its result, as for `named`. Default: the plain value, not converted.

        Raises:
            SettingsError: the id or the name is invalid.
            DeclarationError: a result of this type cannot be rebuilt.
        """
        check_job_id(job_id)
        return Handle(self._tracker, self._serializer.queue(checked_ref(queue)), job_id, types=types_by_hand(type))

    async def _enqueue_all(self, job: Any, arguments: Iterable[tuple[Any, ...]] | None) -> list[Handle[Any]]:
        bulk = BulkEnqueuer(self._submitter, self._serializer)
        if arguments is None and not isinstance(job, (Job, str)):
            check_not_called(job)
            calls = list(job)
            bound = BoundEnqueuer(self._serializer, bulk, self._enqueue_one)
            if self._send is not None:
                bound.check(calls)
                envelopes = (self._serializer.envelope(call.job) for call in calls)
                outgoing = [
                    outgoing_of(envelope, call.args, dict(call.kwargs))
                    for envelope, call in zip(envelopes, calls, strict=True)
                ]
                return await send_each(self._send, outgoing)
            return [self._handle_of(enqueued) for enqueued in await bound.enqueue(calls)]
        envelope = self._serializer.envelope(job)
        if arguments is None:
            raise ArgumentsError(f"{envelope.job.name}: after the job, give a list of argument tuples, one per call")
        listed = list(arguments)
        if self._send is not None:
            check_no_id(envelope, len(listed))
            self._serializer.arguments.encode_rows(envelope.job, listed)
            return await send_each(self._send, [outgoing_of(envelope, args, {}) for args in listed])
        with sending(envelope.queue.ref.name, envelope.job.name, count=len(listed)) as envelope.trace:
            job_ids = await bulk.enqueue(envelope, listed)
        types = types_of(envelope.job)
        return [Handle(self._tracker, envelope.queue, job_id, types=types) for job_id in job_ids]


async def _close(listener_redis: RedisClient, listener: ResultListener, redis: RedisClient) -> None:
    async with AsyncExitStack() as closing:  # each is closed even if closing the one before is cancelled
        closing.push_async_callback(listener_redis.aclose)
        closing.push_async_callback(listener.close)
        closing.push_async_callback(redis.aclose)


def _choose_codecs(codec: Literal["msgpack", "pickle"] | Codec, allow_pickle: bool) -> Codecs:
    if codec == "msgpack":
        return Codecs(MSGPACK, allow_pickle=allow_pickle)
    if codec == "pickle":
        return Codecs(PICKLE, allow_pickle=True)
    if not all(hasattr(codec, needed) for needed in ("name", "dumps", "loads")):
        raise SettingsError(f'there is no codec {codec!r}: give "msgpack", "pickle" or a Codec of your own')
    return Codecs(codec, only=codec)
