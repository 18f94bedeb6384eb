"""The jobs that are enqueued on a sandbox's server, read from its queues, whoever enqueued them and however."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis

from monarq.producer.enqueue.job_reference import job_reference
from monarq.shared.calls.run import NO_HEADERS
from monarq.shared.clock import moment
from monarq.shared.errors import DeclarationError, PayloadError
from monarq.shared.formats.choice.monitors import known_queues, monitor_queue
from monarq.shared.jobs.job import Job, types_of
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.job_facts import JobFacts
from monarq.shared.protocol.pages import BATCH, LiveState
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.replies import text
from monarq.testing.records import EnqueuedJob
from monarq.workers.runs.call_arguments import read_arguments

_STATES: Final[tuple[LiveState, ...]] = ("queued", "deferred", "running")


async def read_enqueued(redis: Redis, codecs: Codecs, jobs: Mapping[str, Job[Any, Any]]) -> list[EnqueuedJob]:
    """The jobs that wait or run, queue by queue, in the order in which they are due.

    Args:
        redis: a client of the sandbox's server.
        codecs: the formats that may be read.
        jobs: the known jobs, by name: their annotations give the types of the arguments.

    Raises:
        RedisError: the server did not answer.
        PayloadError: a job's payload cannot be read.
    """
    found = []
    for queue in await known_queues(redis):
        for state in _STATES:
            for raw_id in await _ids(redis, queue, state):
                facts = await monitor_queue(queue).read_facts(redis, raw_id, with_payload=True)
                if facts.payload_bytes is not None:
                    found.append(_outgoing(queue, facts, codecs, jobs))
    return found


async def _ids(redis: Redis, queue: QueueRef, state: LiveState) -> list[bytes]:
    ids: list[bytes] = []
    position = None
    while True:
        page = await monitor_queue(queue).browse(redis, state, position, BATCH)
        ids += [job.raw_id for job in page.jobs]
        if (position := page.next) is None:
            return ids


def _outgoing(queue: QueueRef, facts: JobFacts, codecs: Codecs, jobs: Mapping[str, Job[Any, Any]]) -> EnqueuedJob:
    job_id = text(facts.raw_id)
    if len(facts.payload) != facts.payload_bytes:
        raise PayloadError(f"job {job_id} has {facts.payload_bytes:,} bytes of arguments, which is too much to show")
    payload = Payload.read(facts.payload, codecs, facts.raw_id)
    args, kwargs = _typed(jobs.get(payload.name), payload)
    return EnqueuedJob(
        job=jobs.get(payload.name) or job_reference(payload.name),
        job_name=payload.name,
        headers=payload.headers or NO_HEADERS,
        args=args,
        kwargs=kwargs,
        queue=queue.name,
        job_id=job_id,
        defer_until=moment(facts.due_ms) if facts.due_ms and facts.due_ms > facts.now_ms else None,
        expires_at=moment(expires_ms) if (expires_ms := facts.expires_ms or payload.expires_ms) else None,
    )


def _typed(job: Job[Any, Any] | None, payload: Payload) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as the job will get them; not converted if the job is unknown or would refuse them."""
    try:
        if job is not None:
            return read_arguments(types_of(job), payload)
    except (DeclarationError, PayloadError):
        pass
    return payload.args, payload.kwargs
