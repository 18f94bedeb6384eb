"""Serializer: makes an envelope and payloads from a job, its options and its arguments. No I/O."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CoroutineType
from typing import Any, Final

from monarq.producer.enqueue.arguments import ArgumentEncoder
from monarq.producer.enqueue.job_reference import job_reference
from monarq.shared.errors import PayloadTooLargeError, SettingsError
from monarq.shared.formats.choice.producers import producer_queue
from monarq.shared.jobs.job import Job, declared_options, enqueue_options
from monarq.shared.jobs.options import NO_ENQUEUE_OPTIONS, EnqueueOptions, JobOptions
from monarq.shared.options.run_options import NO_OPTIONS
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.payload import write_payload
from monarq.shared.protocol.enqueue import Placement
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.producer_queue import ProducerQueue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.tracing.carrier import Carrier

KNOWN_QUEUES: Final = 1024
"""How many queues a producer caches: a program may have one queue for each of its users."""


@dataclass(slots=True, eq=False)
class Envelope:
    """The address and the headers that the jobs of one enqueue call share.

    Attributes:
        job: the job.
        queue: its queue.
        placing: its lane, due time and expiry.
        job_id: the id that the caller chose, or None.
        trace: the context of the call's span, sent in the payloads; None without tracing.
        options: the run options of the call as plain values, sent in the payloads; None for none.
        headers: the headers, sent in the payloads; None for none.
    """

    job: Job[..., Any]
    queue: ProducerQueue
    placing: Placement
    job_id: str | None
    trace: Carrier | None = None
    options: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None


def _any(queue: QueueRef) -> QueueRef:
    return queue


def check_not_called(job: Any, call: str = "enqueue") -> None:
    """Checks that the given job is not a coroutine, made by calling the job's function.

    Args:
        job: what was given as a job.
        call: the name of the function that takes the job and its arguments.

    Raises:
        TypeError: it is one. The coroutine is closed, so that Python does not also warn about it.
    """
    if isinstance(job, CoroutineType):
        job.close()
        name = job.__name__
        raise TypeError(f"{name}(...) is a call, not a job: pass the function and its arguments, {call}({name}, ...)")


def not_a_job(given: object) -> TypeError:
    """The error for what is given instead of a job; it says what to give."""
    check_not_called(given)
    if name := name_of_task(given):
        return TypeError(f"{name} is a task of Django, not a job: enqueue it with {name}.enqueue(...)")
    return TypeError(f"{given!r} is not a job: decorate the function with @job, or give the job's name in the worker")


def name_of_task(given: object) -> str:
    """The name of one of Django's tasks; '' for anything else."""
    if callable(getattr(given, "enqueue", None)) and callable(function := getattr(given, "func", None)):
        return str(getattr(function, "__name__", "the task"))
    return ""


class JobSerializer:
    """Makes envelopes and payloads by a producer's settings.

    Args:
        queue: the queue of jobs that do not specify one.
        codecs: the format of payloads, and their signer.
        max_payload: bytes; a larger payload is refused.
        check: returns a queue if the producer's Redis can hold it, else raises SettingsError.
        check_arguments: whether wrong arguments are refused here.

    Attributes:
        arguments: encodes arguments for `serialize`.

    Raises:
        SettingsError: the producer's Redis cannot hold the queue.
    """

    def __init__(
        self,
        queue: QueueRef,
        codecs: Codecs,
        max_payload: int,
        check: Callable[[QueueRef], QueueRef] = _any,
        *,
        check_arguments: bool = True,
    ) -> None:
        self.arguments = ArgumentEncoder(codecs, is_checked=check_arguments)
        self._codecs = codecs
        self._max_payload = max_payload
        self._open_queue = lru_cache(KNOWN_QUEUES)(lambda ref: producer_queue(check(ref)))
        self._default_queue = self._open_queue(queue)

    def queue(self, ref: QueueRef | None) -> ProducerQueue:
        """A queue; None means the producer's default.

        Raises:
            SettingsError: the producer's Redis cannot hold it.
        """
        return self._default_queue if ref is None else self._open_queue(ref)

    def envelope(self, job: Job[..., Any] | str) -> Envelope:
        """The envelope for a call that enqueues this job.

        Raises:
            TypeError: it is neither a job nor a name.
            SettingsError: its options contradict each other, or the producer's Redis cannot hold its queue.
        """
        if isinstance(job, str):
            job = job_reference(job)
        elif not isinstance(job, Job):
            raise not_a_job(job)
        declared, options = declared_options(job), enqueue_options(job)
        if options is NO_ENQUEUE_OPTIONS:
            return Envelope(job, self.queue(declared.queue_ref), declared.placement, None)
        queue = self.queue(options.queue_ref or declared.queue_ref)
        sent = None if options.run == NO_OPTIONS else options.run.to_plain()
        return Envelope(job, queue, _placing(declared, options), options.job_id, options=sent, headers=options.headers)

    def serialize(
        self,
        envelope: Envelope,
        job_id: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        times: PayloadTimes | None = None,
    ) -> bytes:
        """The payload of a job, signed if there is a signer.

        Args:
            envelope: the envelope of the call.
            job_id: the job's id.
            args: its positional arguments, encoded.
            kwargs: its keyword arguments, encoded.
            times: the times in the payload. Default: now.

        Raises:
            ArgumentsError: an argument cannot be serialized.
            PayloadTooLargeError: the payload exceeds the limit.
        """
        # Two enqueues with one id may be otherwise identical: the nonce lets a repeated call recognize its own payload.
        nonce = None if envelope.job_id is None else os.urandom(8).hex()
        name = envelope.placing.name
        codecs = self._codecs
        times = times or envelope.queue.payload_times(envelope.placing)
        payload = write_payload(
            codecs.write,
            name,
            args,
            kwargs,
            times.enqueue_ms,
            due_ms=times.due_ms,
            expires_ms=times.expires_ms,
            nonce=nonce,
            trace=envelope.trace,
            options=envelope.options,
            headers=envelope.headers,
        )
        if codecs.signer is not None:
            payload = codecs.signer.sign(payload, "job", job_id.encode())
        if len(payload) > self._max_payload:
            raise PayloadTooLargeError(name, len(payload), self._max_payload)
        return payload


def _placing(declared: JobOptions, options: EnqueueOptions) -> Placement:
    # A time of 0 would count from now.
    due_ms = max(1, int(options.defer_until.timestamp() * 1000)) if options.defer_until else 0
    delay_s = options.defer_by_s or 0.0
    if options.expires_s is not None and options.expires_s <= delay_s:
        raise SettingsError(
            f"expires={options.expires_s:g} is shorter than defer_by={delay_s:g}: the job would never be started"
        )
    ttl_ms = 0 if options.expires_s is None else max(1, round(options.expires_s * 1000))
    return Placement(declared.lane, due_ms, round(delay_s * 1000), ttl_ms, name=declared.name, may_expire=ttl_ms > 0)
