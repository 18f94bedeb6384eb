"""The precheck: decides whether a claimed job can be run at all.

Crashes are checked first and the payload last, because the payload may be what kills the process that decodes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monarq.shared.errors import ArgumentsError, PayloadError, SettingsError
from monarq.shared.options.run_options import NO_OPTIONS, RunOptions
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.unknown_jobs import unknown_for_s
from monarq.workers.runs.call_arguments import read_arguments
from monarq.workers.runs.registered_job import RegisteredJob, with_options
from monarq.workers.runs.run import ActiveRun


@dataclass(frozen=True, slots=True)
class Rejected:
    """The job cannot run and becomes a dead letter.

    Attributes:
        lease: its lease.
        error: why.
        payload: its payload, if it could be decoded.
    """

    lease: Lease
    error: BaseException
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class CancelledBeforeStart:
    """The job was cancelled before it ran."""

    lease: Lease
    payload: Payload


@dataclass(frozen=True, slots=True)
class Unknown:
    """This worker does not know the job, which is requeued for workers that do."""

    lease: Lease
    name: str


PrecheckResult = ActiveRun | Rejected | CancelledBeforeStart | Unknown


class Precheck:
    """Checks claimed jobs; no I/O."""

    def __init__(
        self, jobs: Mapping[str, RegisteredJob], settings: WorkerSettings, queues: Mapping[QueueRef, WorkerQueue]
    ) -> None:
        self._jobs = jobs
        self._queues = queues
        self._settings = settings
        self._rejections = settings.rejections
        self._queue_options = settings.queue_options

    def check(self, lease: Lease) -> PrecheckResult:
        """The run of a claimed job, or why there is none."""
        if lease.crashes >= self._settings.max_crashes:
            return Rejected(lease, self._rejections.dead(_crash_text(lease)))
        if lease.payload is None:
            return Rejected(lease, self._rejections.gone(lease))
        if isinstance(lease.payload, int):
            return Rejected(lease, self._rejections.too_large(lease, lease.payload, self._settings.max_payload))
        try:
            payload = Payload.read(lease.payload, self._settings.codecs, lease.raw_id)
        except PayloadError as error:
            return Rejected(lease, self._rejections.undecodable(error))
        if not lease.due_ms:
            lease.due_ms = payload.due_ms or payload.enqueue_ms
        if payload.expires_ms is not None and _has_expired(lease, payload.expires_ms):
            lease.may_have_expired = True
            return Rejected(lease, self._rejections.gone(lease), payload)
        return self._check_payload(lease, payload)

    def _check_payload(self, lease: Lease, payload: Payload) -> PrecheckResult:
        if lease.cancel_asked_ms is not None and self._is_cancelled(lease, lease.cancel_asked_ms, payload):
            return CancelledBeforeStart(lease, payload)
        job = self._jobs.get(payload.name)
        if job is None:
            return self._check_unknown(lease, payload)
        if payload.kwargs and not job.reserved.isdisjoint(payload.kwargs):
            return Rejected(lease, self._rejections.dead(_reserved_text(job, payload)), payload)
        if payload.options is not None or (self._queue_options and lease.queue in self._queue_options):
            try:
                job = self._with_options(job, lease.queue, payload.options)
            except SettingsError as error:
                return Rejected(lease, self._rejections.undecodable(PayloadError(str(error))), payload)
        policy = self._settings.outcomes
        job_try = policy.next_try(lease, payload)
        if job_try > job.policy.limit:
            return Rejected(lease, self._rejections.dead(f"max {job.policy.limit} retries exceeded"), payload)
        args, kwargs = payload.args, payload.kwargs
        if (kwargs or tuple(map(type, args)) not in job.free_rows) and job.types is not None:
            try:
                args, kwargs = read_arguments(job.types, payload)
            except ArgumentsError as error:
                return Rejected(lease, error, payload)
        return ActiveRun(lease, job, payload, job_try, args, kwargs, policy.crash_tries(lease) if lease.crashes else 0)

    def _with_options(self, job: RegisteredJob, queue: QueueRef, sent: object) -> RegisteredJob:
        """The job with the options of its enqueue and its queue.

        Raises:
            SettingsError: the options of the enqueue cannot be read.
        """
        options = NO_OPTIONS if sent is None else RunOptions.from_plain(sent)
        options = options.over(job.own).over(self._queue_options.get(queue, NO_OPTIONS))
        return with_options(job, options.over(self._settings.run_options))

    def _check_unknown(self, lease: Lease, payload: Payload) -> Unknown | Rejected:
        if lease.unknown_ms is not None and lease.unknown_ms < payload.enqueue_ms:
            lease.unknown_ms = None  # left by an earlier job with this id, which a stock arq worker ended
        waited_s = unknown_for_s(lease)
        if self._rejections.may_wait(waited_s, self._settings.keep_unknown_s):
            return Unknown(lease, payload.name)
        return Rejected(lease, self._rejections.unknown(payload.name, waited_s, self._jobs), payload)

    def _is_cancelled(self, lease: Lease, asked_ms: float, payload: Payload) -> bool:
        return self._settings.allow_cancel and self._queues[lease.queue].is_cancel_of(asked_ms, payload)


def _has_expired(lease: Lease, expires_ms: int) -> bool:
    """Whether the job has expired; only jobs that have not started can expire."""
    return not lease.tries and not lease.crashes and lease.claimed_ms >= expires_ms


def _reserved_text(job: RegisteredJob, payload: Payload) -> str:
    given = min(job.reserved.intersection(payload.kwargs))
    return f"{job.name}: its payload has {given!r}, a resource that only the worker can provide"


def _crash_text(lease: Lease) -> str:
    often = "once" if lease.crashes == 1 else f"{lease.crashes} times"
    return f"the worker or process that ran it was lost {often}; most recently: {lease.crash_note}"
