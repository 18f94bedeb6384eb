"""`Producer`: the client for asyncio programs, which enqueues jobs and waits for their results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar, TypeVarTuple, Unpack, overload

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
from monarq.producer.unaddressed import UNADDRESSED
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
    """Enqueues jobs, and returns handles to wait for them. One for each event loop; any number of tasks may use it.

    It connects when it is first used. Use it in ``async with``, or call `close`. What it is not told it takes from the
    environment, from ``[tool.monarq]`` of pyproject.toml, or from the built-in values that are named here.

    Args:
        url: the Redis, as ``redis://``, ``rediss://`` or ``unix://``, ``redis+sentinel://host:26379/service``, or
            ``redis+cluster://`` with some of a cluster's nodes. Default: MONARQ_REDIS, pyproject.toml,
            REDIS_URL, else localhost.
        redis: a client of your own, of redis.asyncio, whose connection settings are used, instead of a URL. The client
            itself is not used, and may belong to another event loop.
        queue: the queue of jobs that name none: a name, which means a native queue, or a `Queue`. Default: ``default``.
        codec: the format of payloads: "msgpack", "pickle" (which allows pickled results as well), or your own. Default:
            "msgpack".
        allow_pickle: read results that are pickled, as arq's workers write them. Only where everyone who can write to
            this Redis is trusted. Default: False.
        max_payload: the largest payload, in bytes or as "8MB". Default: 8 MB.
        retry_for: the `Duration` for which an enqueue is repeated while Redis is not reachable. Default: 10 s.
        redis_timeout: the `Duration` after which a call to Redis counts as failed. Default: 5 s.
        signing_key: sign jobs with it, and read signed results only; several, separated by commas, to change it.
            Default: MONARQ_SIGNING_KEY, else nothing is signed. The workers need it as well.
        check_arguments: refuse arguments that a job does not take by its signature and annotations, or that would come
            back as something else, before anything is sent. False leaves that to the worker, where the job then is
            dead with the reason. Default: True.
        middleware: around each enqueue, each job of `enqueue_many` for itself; the first is the outermost.

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
        # Kept alive: where it asks sentinels for the server, our connections use its sentinel clients.
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
        # None without middleware, so that an enqueue does nothing for it.
        self._send = with_middleware(send_functions((*INSTALLED, *middleware)), self._enqueue_outgoing)
        self._tracker = Tracker(self._redis, self._listener, codecs, retry_for_s)

    def _find_redis_again(self) -> tuple[asyncio.AbstractEventLoop | None, Coroutine[Any, Any, None]]:
        """Looks for Redis anew: for a producer that was given none, while tests run; see `unaddressed`."""
        used_on = self._redis.used_on
        close = _close(self._listener_redis, self._listener, self._redis)
        template, shown = resolve_redis(None, None) if environment_url() else resolve_redis(*self._fallback)
        self._set_up(template, shown, *self._settings)
        return used_on, close

    def _fall_back_on(self, url: str | None, redis: Redis | None) -> None:
        """Its Redis is only an application's, to which the environment is preferred: see `unaddressed`."""
        self._fallback = url, redis
        UNADDRESSED.add(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections, and ends all waits with ProducerClosedError. May be called again.

        It waits for no job and no enqueue; jobs that are in the queue stay there.
        """
        await _close(self._listener_redis, self._listener, self._redis)

    @overload
    async def enqueue(self, job: Job[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Handle[R]: ...
    @overload
    async def enqueue(self, job: BoundJob[R], /) -> Handle[R]: ...
    @overload
    async def enqueue(self, job: str, /, *args: Any, **kwargs: Any) -> Handle[Any]: ...
    async def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> Handle[Any]:
        """Puts a job into its queue. When it returns, the job is there, or was there already.

        Args:
            job: what ``@job`` made, perhaps with ``.options(...)``; what its ``.bind(...)`` made, with its arguments;
                or a job's name, where its code is elsewhere.
            args: the job's positional arguments.
            kwargs: its keyword arguments.

        Returns:
            The job's handle; `existed` is true where a job or result of the id given in the options was there.

        Raises:
            ArgumentsError: the job does not take the arguments; it is a TypeError and a PayloadError.
            PayloadTooLargeError: they are too large.
            RedisUnavailableError: Redis could not be reached for `retry_for`; nothing was enqueued.
            RedisRefusedError: Redis refused it; nothing was enqueued.
            EnqueueUnknownError: whether it was enqueued is unknown.
            ProducerClosedError: the producer is closed.
        """
        if isinstance(job, BoundJob):
            if args or kwargs:
                raise ArgumentsError(f"{job!r} has its arguments: give no others beside it")
            job, args, kwargs = job.job, job.args, dict(job.kwargs)
        envelope = self._serializer.envelope(job)
        if self._send is not None:
            self._serializer.arguments.encode(envelope.job, args, kwargs)  # what is refused does not reach middleware
            return await self._send(outgoing_of(envelope, args, kwargs))
        args, kwargs = self._serializer.arguments.encode(envelope.job, args, kwargs)
        return self._handle_of(await self._enqueue_one(envelope, args, kwargs))

    async def _enqueue_outgoing(self, outgoing: Outgoing) -> Handle[Any]:
        """Enqueues what middleware has passed on."""
        envelope = self._serializer.envelope(outgoing.job)
        envelope.headers = check_headers(outgoing.headers)
        args, kwargs = self._serializer.arguments.encode(envelope.job, outgoing.args, outgoing.kwargs)
        return self._handle_of(await self._enqueue_one(envelope, args, kwargs))

    async def _enqueue_one(self, envelope: Envelope, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> EnqueuedJob:
        """Enqueues a job whose arguments are encoded."""
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
        """Enqueues many jobs, a thousand in one command; all arguments are checked first.

        Either calls of one job: ``enqueue_many(resize, [("a",), ("b",)])``; or jobs with their own arguments, of one
        kind or several: ``enqueue_many([resize.bind("a", width=5), send.bind("x@y")])``. Of these, calls of one job
        with the same options keep their order in the queue.

        Args:
            job: as for `enqueue`. Its options hold for all jobs, and must not name a job_id. Or all jobs, as their
                ``.bind(...)`` makes them, each with its own options.
            arguments: a tuple of positional arguments for each job.

        Returns:
            The handles, in the order of the arguments.

        Raises:
            PartlyEnqueuedError: some jobs were enqueued, and others not, or their outcome is unknown; it says which.
            Exception: as `enqueue`; nothing was enqueued then.
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
            arguments: a tuple of positional arguments for each job.
            timeout: the `Duration` to wait for the results. Default: without end.

        Raises:
            Exception: what the first job to fail raised, as soon as it has; the other jobs go on. Otherwise as
                `enqueue_many` and `as_completed`.
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
            timeout: the `Duration` until all must have ended. Default: without end.
            return_exceptions: yield an exception in place of the result and go on. By default it is raised at that
                point, as by awaiting the job itself, and ends the iteration.

        Raises:
            ResultTimeoutError: not all ended in time.
            Exception: what a job raised; see `Handle.result`.
        """
        timeout_s = to_seconds(timeout, "timeout")
        return as_completed(self._tracker, handles, timeout_s=timeout_s, return_exceptions=return_exceptions)

    def watch(self, handles: Iterable[Handle[R]]) -> AsyncGenerator[tuple[Handle[R], Progress], None]:
        """Yields each handle with its job's progress reports, as they arrive, until all jobs have ended.

        Args:
            handles: the jobs.

        Raises:
            MonarqError: as `Handle.watch`.
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
        """A handle of the job of this id, whoever enqueued it.

        Args:
            job_id: the job's id.
            queue: its queue. Default: the producer's.
            type: the type of its result, as for `named`. Default: plain values, as they came.

        Raises:
            SettingsError: the id or the name is invalid.
            DeclarationError: a result of this type cannot be made.
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
            raise ArgumentsError(f"{envelope.job.name}: give a list of tuples of arguments, one a job, beside the job")
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
    async with AsyncExitStack() as closing:  # each of them also where the one before is cancelled
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
