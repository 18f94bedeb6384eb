"""The format of the queue that a test is about: arq's, or each of both where the test uses the fixture `queue_format`.

What speaks of behaviour, and of no format's keys, is tested on both.
"""

from __future__ import annotations

from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.queue import Queue
from tests.support.queues import ARQ_QUEUE

QUEUES: Final[dict[Format, QueueRef]] = {"native": QueueRef("jobs", "native"), "arq": ARQ_QUEUE}

ON_BOTH: Final = pytest.mark.usefixtures("queue_format")
ARQ_ALONE: Final = pytest.mark.parametrize("queue_format", ["arq"], indirect=True)
"""For what is so in one format alone."""

_current = ARQ_QUEUE


def use_format(queue_format: Format) -> None:
    """From now on the default queue of tests is one of this format."""
    global _current
    _current = QUEUES[queue_format]


def current_queue() -> QueueRef:
    """The default queue of this test."""
    return _current


def current_name() -> str | Queue:
    """The same as users name it."""
    return Queue(_current.name, format=_current.format)


async def find_result(redis: Redis, job_id: str, codecs: Codecs, queue: QueueRef) -> Result | None:
    """The job's result; None where there is none yet."""
    if queue.format == "native":
        [found] = await find_results(redis, NativeKeys.of(queue.name), [job_id])
    else:
        found = await redis.get(names.result(job_id))
    return Result.read(found, codecs, job_id.encode()) if isinstance(found, bytes) else None
