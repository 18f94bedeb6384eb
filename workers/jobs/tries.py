"""Which try of a job a run is. By arq's settings a try counts when it begins, so that a crash is one as well."""

from __future__ import annotations

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.payloads.payload import Payload
from monarq.workers.config.settings import WorkerSettings


def crash_tries(lease: Lease, settings: WorkerSettings) -> int:
    """How many tries of a job were crashes: they are counted apart from the others."""
    return lease.crashes if settings.arq_style else 0


def next_try(lease: Lease, payload: Payload | None, settings: WorkerSettings) -> int:
    """The number of the try that a claimed job is for, from 1."""
    first = (payload and payload.job_try) or 0
    return max(lease.tries + 1, first) + crash_tries(lease, settings)
