"""Leases and runs of jobs that nobody has claimed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from monarq.shared.errors import ArgumentsError
from monarq.shared.jobs.job import Job
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import Payload, write_payload
from monarq.shared.protocol.lease import Lease
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.registry import register
from monarq.workers.runs.call_arguments import read_arguments
from monarq.workers.runs.run import ActiveRun
from tests.support.leases import lease_of
from tests.support.workers import CODECS, settings_for_tests

ENQUEUED_MS = 1_700_000_000_000


def make_lease(name: str, *args: Any, **changes: Any) -> Lease:
    """The lease of a job with these arguments."""
    payload = write_payload(MSGPACK, name, args, {}, ENQUEUED_MS)
    return replace(lease_of("id", payload=payload), **changes)


def make_run(
    job: Job[..., Any], *args: Any, lease: Lease | None = None, settings: WorkerSettings | None = None, **changes: Any
) -> ActiveRun:
    """A run of a declared job, by default its first try."""
    lease = lease or make_lease(job.name, *args)
    assert isinstance(lease.payload, bytes)
    registered = register([job], settings or settings_for_tests())[job.name]
    payload = Payload.read(lease.payload, CODECS)
    read, named = (payload.args, payload.kwargs)
    if registered.types is not None:
        with suppress(ArgumentsError):  # of a run that is never called
            read, named = read_arguments(registered.types, payload)
    return ActiveRun(lease, registered, payload, **{"job_try": 1, "args": read, "kwargs": named, **changes})
