"""What happens to a claimed job before it runs: is it fit to be started at all?

Crashes are looked at first and the payload last, because a payload may be what kills the process that decodes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arq.jobs import DeserializationError
from arq.worker import JobExecutionFailed

from monarq.shared.commands.jobs.abort import is_meant
from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.errors import JobDeadError, PayloadError, PayloadTooLargeError
from monarq.shared.payloads.payload import Payload
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.registry import Registered
from monarq.workers.jobs.tries import crash_tries, next_try
from monarq.workers.jobs.unknown_jobs import some_of, waits_for_s
from monarq.workers.runs.run import Run


@dataclass(frozen=True, slots=True)
class Refused:
    """The job cannot run and is dead.

    Attributes:
        lease: its lease.
        error: why.
        payload: its payload, where it could be decoded.
    """

    lease: Lease
    error: BaseException
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class AbortedBefore:
    """Somebody wanted the job stopped before it ran."""

    lease: Lease
    payload: Payload


@dataclass(frozen=True, slots=True)
class Unknown:
    """This worker does not know the job: it goes back for those that do."""

    lease: Lease
    name: str


Admitted = Run | Refused | AbortedBefore | Unknown


class Admission:
    """Decides on claimed jobs; no I/O."""

    def __init__(self, jobs: Mapping[str, Registered], settings: WorkerSettings) -> None:
        self._jobs = jobs
        self._settings = settings

    def admit(self, lease: Lease) -> Admitted:
        """The run of a claimed job, or why there is none."""
        if lease.crashes >= self._settings.max_crashes:
            return Refused(lease, self._dead(_lost(lease)))
        if lease.payload is None:
            return Refused(lease, self._dead("job expired" if self._settings.arq_style else _gone(lease)))
        if isinstance(lease.payload, int):
            return Refused(lease, self._too_large(lease, lease.payload))
        try:
            payload = Payload.read(lease.payload, self._settings.codecs, lease.raw_id)
        except PayloadError as error:
            return Refused(lease, self._undecodable(error))
        return self._admit_decoded(lease, payload)

    def _admit_decoded(self, lease: Lease, payload: Payload) -> Admitted:
        if self._wants_abort(lease, payload):
            return AbortedBefore(lease, payload)
        job = self._jobs.get(payload.name)
        if job is None:
            return self._admit_unknown(lease, payload)
        job_try = next_try(lease, payload, self._settings)
        if job_try > job.policy.max_tries:
            return Refused(lease, self._dead(f"max {job.policy.max_tries} retries exceeded"), payload)
        return Run(lease, job, payload, job_try, crash_tries(lease, self._settings))

    def _admit_unknown(self, lease: Lease, payload: Payload) -> Unknown | Refused:
        if lease.unknown_ms is not None and lease.unknown_ms < payload.enqueue_ms:
            lease.unknown_ms = None  # of an earlier job of this id, which a stock arq worker has ended
        if not self._settings.arq_style and waits_for_s(lease) < self._settings.keep_unknown_s:
            return Unknown(lease, payload.name)
        return Refused(lease, self._unknown(lease, payload.name), payload)

    def _wants_abort(self, lease: Lease, payload: Payload) -> bool:
        return self._settings.allow_abort and lease.abort_ms is not None and is_meant(lease.abort_ms, payload)

    def _dead(self, why: str) -> Exception:
        return JobExecutionFailed(why) if self._settings.arq_style else JobDeadError(why)

    def _too_large(self, lease: Lease, size: int) -> Exception:
        error = PayloadTooLargeError(f"job {lease.job_id}", size, self._settings.max_payload)
        # arq's clients need not have our classes.
        return self._dead(str(error)) if self._settings.arq_style else error

    def _unknown(self, lease: Lease, name: str) -> Exception:
        if self._settings.arq_style:
            return JobExecutionFailed(f"function {name!r} not found")
        waited_s = waits_for_s(lease)
        waited = f", nor on any that met it in {waited_s:,.0f} s" if waited_s else ""
        return JobDeadError(f"no job is named {name!r} on this worker{waited}; it knows {some_of(self._jobs)}")

    def _undecodable(self, error: PayloadError) -> Exception:
        if not self._settings.arq_style:
            return PayloadError(f"the payload cannot be read: {error}")
        wrapped = DeserializationError("unable to deserialize job")
        wrapped.__cause__ = error
        return wrapped


def _lost(lease: Lease) -> str:
    often = "once" if lease.crashes == 1 else f"{lease.crashes} times"
    return f"the worker or process that ran it was lost {often}, the last time: {lease.crash_note}"


def _gone(lease: Lease) -> str:
    """Why there is no payload: Redis does not tell a key that has expired from one that it dropped."""
    if lease.may_have_expired:
        return (
            "job expired: no worker had started it when its `expires` was over, or Redis had evicted its payload,"
            " which maxmemory-policy noeviction prevents"
        )
    return (
        "its payload is gone: Redis evicted it, or somebody deleted it, or it has expired, as what arq's clients"
        " enqueue does after a day; a Redis that holds jobs needs maxmemory-policy noeviction"
    )
