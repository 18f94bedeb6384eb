"""Where an enqueue goes, and what it carries: a job and its arguments become a route and a payload, without any I/O."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monarq.producer.enqueue.job_reference import named_job
from monarq.shared.commands.jobs.enqueue import Placement
from monarq.shared.errors import PayloadTooLargeError, SettingsError
from monarq.shared.jobs.job import Job
from monarq.shared.jobs.options import EnqueueOptions
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.payload import write_payload
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.tracing.carrier import Carrier
from monarq.shared.validation import check_name

_PLAIN = EnqueueOptions()


def new_id() -> str:
    """An id that nobody else makes: 128 random bits, as a UUID has, for a fifth of the time."""
    return os.urandom(16).hex()


def new_ids(count: int) -> list[str]:
    """So many of them."""
    digits = os.urandom(16 * count).hex()
    return [digits[at : at + 32] for at in range(0, 32 * count, 32)]


@dataclass(slots=True, eq=False)
class Route:
    """Where the jobs of one call go.

    Attributes:
        job: the job.
        keys: the keys of its queue.
        placing: what the jobs of the call share.
        job_id: the id that the caller chose, or None.
        trace: the context of the call's span, for the payloads to carry; None without tracing.
    """

    job: Job[..., Any]
    keys: QueueKeys
    placing: Placement
    job_id: str | None
    trace: Carrier | None = None


class Packer:
    """Makes routes and payloads by a producer's settings.

    Args:
        queue: the queue of jobs that name none.
        codecs: the format that payloads are written in, and who signs them.
        max_payload: bytes; a larger payload is refused.
    """

    def __init__(self, queue: str, codecs: Codecs, max_payload: int) -> None:
        self._codecs = codecs
        self._max_payload = max_payload
        check_name(queue, "queue")
        self._keys = QueueKeys.of(queue)

    def keys(self, queue: str | None) -> QueueKeys:
        """The keys of a queue; None is the producer's own."""
        return self._keys if queue is None else QueueKeys.of(queue)

    def route(self, job: Job[..., Any] | str) -> Route:
        """Where the job goes.

        Raises:
            TypeError: it is no job.
            SettingsError: its options contradict each other.
        """
        if isinstance(job, str):
            job = named_job(job)
        elif not isinstance(job, Job):
            raise TypeError(
                f"{job!r} is no job: put @job before the function, or give the name that its worker knows it by"
            )
        options = job.enqueue_options
        placing = Placement(job.declared.lane, name=job.name) if options == _PLAIN else _placing(job, options)
        return Route(job, self.keys(options.queue or job.declared.queue), placing, options.job_id)

    def pack(self, route: Route, job_id: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """The payload of a job.

        Raises:
            PayloadError: an argument does not serialize.
            PayloadTooLargeError: it is over the limit.
        """
        # Two enqueues of one id may be alike in all else: by the nonce a repeated one knows its own payload.
        nonce = None if route.job_id is None else os.urandom(8).hex()
        name = route.job.name
        codecs = self._codecs
        payload = write_payload(
            codecs.write, name, args, kwargs, time.time_ns() // 1_000_000, nonce=nonce, trace=route.trace
        )
        if codecs.signer is not None:
            payload = codecs.signer.sign(payload, "job", job_id.encode())
        if len(payload) > self._max_payload:
            raise PayloadTooLargeError(name, len(payload), self._max_payload)
        return payload


def _placing(job: Job[..., Any], options: EnqueueOptions) -> Placement:
    # Due at 1 ms has a meaning of its own in arq's data: somebody aborts the job.
    due_ms = max(2, int(options.defer_until.timestamp() * 1000)) if options.defer_until else 0
    delay_s = options.defer_by_s or 0.0
    if options.expires_s is not None and options.expires_s <= delay_s:
        raise SettingsError(
            f"expires={options.expires_s:g} is over before defer_by={delay_s:g}: the job would never be started"
        )
    ttl_ms = 0 if options.expires_s is None else max(1, round(options.expires_s * 1000))
    return Placement(job.declared.lane, due_ms, round(delay_s * 1000), ttl_ms, name=job.name, may_expire=ttl_ms > 0)
