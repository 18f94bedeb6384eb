"""`ArqRedis`, arq's Redis client on monarq's commands, and its `Job`; arq's jobs find it as ``ctx["redis"]``.

`ArqRedis.enqueue_job` is one atomic call that is repeated until its outcome is known: None means that a job or a result
with this id exists, and never that a connection was lost. `Job` requests an abort in one step. Neither blocks Redis:
results are found with SCAN, payloads are fetched a hundred at a time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final, cast

import arq.connections
import arq.jobs
from arq.constants import default_queue_name, expires_extra_ms
from arq.jobs import (
    Deserializer,
    JobDef,
    JobResult,
    ResultNotFound,
    SerializationError,
    Serializer,
    deserialize_job,
)
from arq.jobs import deserialize_result as read_result
from arq.utils import timestamp_ms, to_ms, to_unix_ms
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from monarq.arq.client.codecs import arq_codecs
from monarq.arq.client.instrumentation import CARRIER_ARGUMENT, instrumented_carrier
from monarq.producer.enqueue.job_reference import job_reference
from monarq.producer.enqueue.serializer import Envelope
from monarq.producer.enqueue.submitter import Submitter
from monarq.shared.errors import (
    EnqueueUnknownError,
    PayloadError,
    RedisRefusedError,
    RedisUnavailableError,
    SettingsError,
)
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.payloads.codec import PICKLE, Codecs
from monarq.shared.payloads.payload import write_payload
from monarq.shared.payloads.signing import find_signer
from monarq.shared.protocol.enqueue import Enqueued, Placement
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S
from monarq.shared.redis.private_pool import PrivatePool, close_sentinels, shown_pool
from monarq.shared.tracing.tracing import sending

RETRY_FOR_S: Final = 5.0
"""How long an enqueue is retried if its outcome is unknown or Redis is unreachable."""

PAGE: Final = 500
"""How many results or payloads one call fetches."""


class PoolUnavailableError(RedisUnavailableError, RedisConnectionError):
    """Redis was unreachable and nothing was enqueued; also redis-py's ConnectionError, which arq's users expect."""


class PoolRefusedError(RedisRefusedError, ResponseError):
    """Redis refused the enqueue, and nothing was enqueued; also redis-py's ResponseError."""


class PoolEnqueueUnknownError(EnqueueUnknownError, RedisConnectionError):
    """It is unknown whether the job was enqueued: enqueue it again with the same id. arq returns None here."""

    def __init__(self, error: EnqueueUnknownError) -> None:
        Exception.__init__(self, str(error))
        self.job_ids = error.job_ids


class Job(arq.jobs.Job):
    """Like arq's `Job`, but also reads what monarq's producers wrote, and aborts in one step."""

    __slots__ = ()

    def __init__(
        self,
        job_id: str,
        redis: Redis,
        _queue_name: str = default_queue_name,
        _deserializer: Deserializer | None = None,
    ) -> None:
        own = _deserializer or arq_codecs(None, None, find_signer()).reader(job_id.encode())
        super().__init__(job_id, redis, _queue_name, own)

    async def abort(self, *, timeout: float | None = None, poll_delay: float = 0.5) -> bool:
        """Requests the job's abort and waits for its end.

        Args:
            timeout: seconds to wait for the end; None for no limit.
            poll_delay: seconds between two polls.

        Returns:
            Whether it was aborted; False if it had ended before, or left no result.

        Raises:
            TimeoutError: it did not end in time; the request stays in force.
            Exception: the exception with which the job failed.
        """
        await cancel(self._redis, QueueKeys.of(self._queue_name), self.job_id)
        try:
            await self.result(timeout=timeout, poll_delay=poll_delay)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the caller is cancelled, not the job
            return True
        except ResultNotFound:
            return False
        return False


class ArqRedis(arq.connections.ArqRedis):
    """arq's client, with the same arguments; see the module for what differs.

    Attributes:
        signer: signs jobs with the keys in MONARQ_SIGNING_KEY; then only signed results are read.
    """

    def __init__(
        self,
        pool_or_conn: ConnectionPool | None = None,
        job_serializer: Serializer | None = None,
        job_deserializer: Deserializer | None = None,
        default_queue_name: str = default_queue_name,
        expires_extra_ms: int = expires_extra_ms,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_or_conn, job_serializer, job_deserializer, default_queue_name, expires_extra_ms, **kwargs)
        self.signer = find_signer()
        self._own_client: RedisClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def enqueue_job(
        self,
        function: str,
        *args: Any,
        _job_id: str | None = None,
        _queue_name: str | None = None,
        _defer_until: datetime | None = None,
        _defer_by: float | timedelta | None = None,
        _expires: float | timedelta | None = None,
        _job_try: int | None = None,
        **kwargs: Any,
    ) -> Job | None:
        """Puts a job into the queue.

        Args:
            function: the name of the function to call.
            args: its positional arguments.
            _job_id: an id of your own; while a job or result with this id exists, the job is not enqueued again.
            _queue_name: the queue. Default: the client's `default_queue_name`.
            _defer_until: when it is due; a naive time is local time.
            _defer_by: seconds, or a timedelta, until it is due, by Redis' clock.
            _expires: seconds, or a timedelta, after which it is no longer started. Default: the deferral plus the
                client's `expires_extra_ms`, a day.
            _job_try: the try that it starts with.
            kwargs: the function's keyword arguments.

        Returns:
            The job; None if a job or a result with this id exists.

        Raises:
            SerializationError: an argument cannot be serialized.
            PoolUnavailableError: Redis could not be reached; nothing was enqueued.
            PoolRefusedError: Redis refused it; nothing was enqueued.
            PoolEnqueueUnknownError: the outcome is unknown; enqueue again with the same id.
        """
        if _defer_until and _defer_by:
            raise RuntimeError("use either 'defer_until' or 'defer_by' or neither, not both")
        queue = self.default_queue_name if _queue_name is None else _queue_name
        placing = self._placing(function, _defer_until, _defer_by, _expires)
        envelope = Envelope(job_reference(function), ArqProducerQueue.of(queue), placing, _job_id or None)
        job_id = _job_id or envelope.queue.new_job_ids(1)[0]
        with sending(queue, function, job_id=job_id) as envelope.trace:
            if carrier := instrumented_carrier():
                kwargs[CARRIER_ARGUMENT] = carrier
            written = self._payload(envelope, args, kwargs, _job_try)
            payload = self._codecs.seal(written, "job", job_id.encode())
            code = await self._submit(envelope, job_id, payload)
        # An id that was generated for this call cannot have existed before: the submitter has repeated the call.
        if code is Enqueued.EXISTED and envelope.job_id is not None:
            return None
        return Job(job_id, self, queue, self._codecs.reader(job_id.encode()))

    async def all_job_results(self) -> list[JobResult]:
        """All results in this Redis, in the order of enqueueing. Reads all of them: for tests and small instances."""
        prefix = names.RESULT_PREFIX.encode()
        found: dict[bytes, JobResult] = {}  # SCAN may return a key twice
        async for page in self._pages_of(names.RESULT_PREFIX + "*"):
            for key, data in zip(page, await self.mget(page), strict=True):
                if data is not None:
                    raw_id = key[len(prefix) :]
                    result = read_result(data, deserializer=self._codecs.reader(raw_id))
                    result.job_id = raw_id.decode()
                    found[key] = result
        return sorted(found.values(), key=attrgetter("enqueue_time"))

    async def queued_jobs(self, *, queue_name: str | None = None) -> list[JobDef]:
        """All jobs of a queue, in the order in which they are due. Reads all of them: for tests and small queues."""
        queue = self.default_queue_name if queue_name is None else queue_name
        members = await self.zrange(queue, withscores=True, start=0, end=-1)
        jobs = []
        for at in range(0, len(members), PAGE):
            page = members[at : at + PAGE]
            payloads = await self.mget([names.JOB_PREFIX.encode() + job_id for job_id, _ in page])
            for (raw_id, score), payload in zip(page, payloads, strict=True):
                if payload is not None:
                    job = deserialize_job(payload, deserializer=self._codecs.reader(raw_id))
                    job.score, job.job_id = int(score), raw_id.decode()
                    jobs.append(job)
        return jobs

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Closes the client, like redis-py's method; it can be used again."""
        client, self._own_client = self._own_client, None
        async with AsyncExitStack() as closing:  # runs all callbacks even if one is cancelled
            if close_connection_pool or (close_connection_pool is None and self.auto_close_connection_pool):
                closing.push_async_callback(close_sentinels, self.connection_pool)
            closing.push_async_callback(super().aclose, close_connection_pool)
            if client is not None:
                closing.push_async_callback(client.aclose)

    @property
    def _codecs(self) -> Codecs:
        """Built from the attributes each time, since `create_pool` and users set them on an existing client."""
        return arq_codecs(self.job_serializer, self.job_deserializer, self.signer)

    def _placing(
        self,
        function: str,
        until: datetime | None,
        by: float | timedelta | None,
        expires: float | timedelta | None,
    ) -> Placement:
        due_ms = 0 if until is None else max(1, to_unix_ms(until))  # 0 would mean now
        delay_ms = to_ms(by) or 0
        expires_ms = to_ms(expires) or 0
        if expires_ms < 0:
            raise SettingsError(f"_expires is {expires!r}: give seconds, or a timedelta, above 0")
        ahead_ms = max(0, due_ms - timestamp_ms() if due_ms else delay_ms)
        ttl_ms = expires_ms or ahead_ms + self.expires_extra_ms
        return Placement(due_ms=due_ms, delay_ms=delay_ms, ttl_ms=ttl_ms, name=function)

    def _payload(self, envelope: Envelope, args: tuple[Any, ...], kwargs: dict[str, Any], job_try: int | None) -> bytes:
        codec = self._codecs.write
        # A repeated call recognizes its own payload by the nonce. A user's format may accept only arq's fields.
        ours = codec is PICKLE
        nonce = os.urandom(8).hex() if envelope.job_id and ours else None
        trace = envelope.trace if ours else None
        name = envelope.job.name
        try:
            return write_payload(codec, name, args, kwargs, timestamp_ms(), job_try=job_try, nonce=nonce, trace=trace)
        except PayloadError as error:
            raise SerializationError(f'unable to serialize job "{name}"') from error.__cause__

    async def _submit(self, envelope: Envelope, job_id: str, payload: bytes) -> Enqueued:
        try:
            return (await Submitter(self._open_own_client(), RETRY_FOR_S).submit(envelope, [(job_id, payload)]))[0]
        except EnqueueUnknownError as error:
            raise PoolEnqueueUnknownError(error) from error.__cause__
        except RedisUnavailableError as error:
            raise PoolUnavailableError(str(error)) from error.__cause__
        except RedisRefusedError as error:
            raise PoolRefusedError(str(error)) from error.__cause__

    def _open_own_client(self) -> RedisClient:
        """A separate client, since redis-py may repeat a command on the pool's connections, which have no timeouts."""
        loop = asyncio.get_running_loop()
        if self._own_client is None or self._loop is not loop:
            shown = shown_pool(self.connection_pool)
            self._own_client = RedisClient(PrivatePool.like(self), shown=shown, timeout_s=SOCKET_TIMEOUT_S)
            self._loop = loop
        return self._own_client

    async def _pages_of(self, pattern: str) -> AsyncIterator[list[bytes]]:
        cursor = 0
        while True:
            cursor, page = await self.scan(cursor, match=pattern, count=PAGE)
            if page:
                yield cast("list[bytes]", page)
            if cursor == 0:
                return
