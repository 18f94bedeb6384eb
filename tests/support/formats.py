"""The format of a test's queue.

It is native by default, arq's if the test is marked with `OF_ARQ`, and both if it uses the fixture `queue_format`.
Behaviour that does not depend on a format's keys is tested on both. Tests that read arq's keys are `OF_ARQ`.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.keys import waiting_keys as arq_waiting_keys
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.keys import waiting_keys as native_waiting_keys
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.queue import Queue
from tests.support.queues import ARQ_QUEUE, NATIVE_QUEUE

QUEUES: Final[dict[Format, QueueRef]] = {"native": NATIVE_QUEUE, "arq": ARQ_QUEUE}

ON_BOTH: Final = pytest.mark.usefixtures("queue_format")
ARQ_ALONE: Final = pytest.mark.parametrize("queue_format", ["arq"], indirect=True)
"""For tests of one format only."""

OF_ARQ: Final = pytest.mark.usefixtures("arq_format")
"""For tests, or as a module's `pytestmark`: they are about arq's keys, or use these to act as a worker."""

_current = NATIVE_QUEUE


def use_format(queue_format: Format) -> None:
    """Makes the default queue of tests one of this format."""
    global _current
    _current = QUEUES[queue_format]


def current_queue() -> QueueRef:
    """The default queue of this test."""
    return _current


def current_name() -> str | Queue:
    """Its name, as users write it."""
    return as_users_name(_current)


def queue_named(name: str) -> QueueRef:
    """The queue of this name in this test's format."""
    return QueueRef(name, _current.format)


def as_users_name(queue: QueueRef) -> Queue:
    """The name of a queue, as users write it."""
    return Queue(queue.name, format=queue.format)


def ended_channel(queue: QueueRef | None = None) -> str:
    """The channel on which the ends of its jobs are published."""
    ref = queue or _current
    return NativeKeys.of(ref.name).ended if ref.format == "native" else QueueKeys.of(ref.name).ended


async def waiting_ids(redis: Redis, queue: QueueRef | None = None) -> list[bytes]:
    """The ids of waiting jobs of a queue, by default this test's; in arq's format, also of running jobs."""
    ref = queue or _current
    keys = native_waiting_keys(ref.name) if ref.format == "native" else arq_waiting_keys(ref.name)
    return [job_id for key in keys for job_id in await redis.zrange(key, 0, -1)]


async def count_waiting(redis: Redis, queue: QueueRef | None = None) -> int:
    """Their number."""
    return len(await waiting_ids(redis, queue))


async def read_payload(redis: Redis, job_id: str, queue: QueueRef | None = None) -> bytes | None:
    """The payload of a job that has not ended; None if there is none."""
    client: Any = redis
    ref = queue or _current
    if ref.format == "native":
        found = await client.hget(NativeKeys.of(ref.name).key("payloads"), job_id)
    else:
        found = await client.get(names.job(job_id))
    return found if isinstance(found, bytes) else None


async def find_result(redis: Redis, job_id: str, codecs: Codecs, queue: QueueRef) -> Result | None:
    """The job's result; None if there is none yet."""
    if queue.format == "native":
        [found] = await find_results(redis, NativeKeys.of(queue.name), [job_id])
    else:
        found = await redis.get(names.result(job_id))
    return Result.read(found, codecs, job_id.encode()) if isinstance(found, bytes) else None
