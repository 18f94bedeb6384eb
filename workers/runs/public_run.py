"""Creates the public value `Run` from a worker's internal records of a job."""

from __future__ import annotations

from monarq.shared.calls.run import NO_HEADERS, NO_KWARGS, Run
from monarq.shared.lane import Lane
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.workers.runs.current_job import WORKER_ID
from monarq.workers.runs.run import ActiveRun


def public_run(run: ActiveRun) -> Run:
    """A run that this worker holds, in its current state."""
    lease, payload, job = run.lease, run.payload, run.job
    # By position, because middleware needs one for each job, and keywords would double what it costs.
    return Run(
        lease.job_id,
        job.name,
        run.job_try,
        lease.crashes,
        lease.queue.name,
        job.lane,
        payload.headers or NO_HEADERS,
        run.args,
        run.kwargs,
        payload.enqueue_ms,
        run.start_ms or None,
        run.seconds if run.finish_ms else 0.0,
        WORKER_ID.get(),
    )


def unstarted_run(lease: Lease, name: str, enqueue_ms: int = 0, payload: Payload | None = None) -> Run:
    """A job that this worker has claimed but does not run, or no longer runs."""
    return Run(
        job_id=lease.job_id,
        job_name=name,
        job_try=lease.tries + 1,
        crashes=lease.crashes,
        queue=lease.queue.name,
        lane=Lane.CPU if lease.lane_queue == "cpu" else Lane.IO,
        headers=NO_HEADERS if payload is None else payload.headers or NO_HEADERS,
        args=() if payload is None else payload.args,
        kwargs=NO_KWARGS if payload is None else payload.kwargs,
        enqueued_ms=enqueue_ms,
        worker_id=WORKER_ID.get(),
    )
