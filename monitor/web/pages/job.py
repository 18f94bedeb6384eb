"""The page of one job: its state, arguments, result and timeline; also cancels and retries it."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.monitor.admin.admin import Cancelled, Retried
from monarq.monitor.jobs.job_view import find_job
from monarq.monitor.web.base.page_request import PageRequest, link
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages.queue_choice import chosen_queue, named_queue
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.queue_ref import QueueRef

LEVELS: Final = {
    "running": "run",
    "succeeded": "ok",
    "failed": "bad",
    "cancelled": "warn",
    "enqueued": "",
    "started": "run",
    "retried": "warn",
    "crashed": "bad",
    "handed-back": "warn",
    "unknown": "warn",
    "cancel-asked": "warn",
}
"""The colours of states and events; others have none."""

_CANCEL_NOTICES: Final = {
    Cancelled.WAITS: "cancelled",
    Cancelled.RUNS: "cancelled",
    Cancelled.PAUSED: "cancelled-paused",
    Cancelled.ENDED: "cancelled-ended",
    Cancelled.UNKNOWN: "nothing",
}
_RETRY_NOTICES: Final = {
    Retried.REVIVED: "revived",
    Retried.PROMOTED: "promoted",
    Retried.QUEUED: "queued",
    Retried.RUNS: "runs",
    Retried.NO_PAYLOAD: "no-payload",
    Retried.UNKNOWN: "nothing",
}


async def show(redis: Redis, request: PageRequest) -> View:
    """The job; its arguments only on request."""
    queue = await chosen_queue(redis, request)
    wants_arguments = bool(request.text("arguments"))
    job = await find_job(redis, request.raw("id"), queue, with_arguments=wants_arguments)
    if job is None:
        return View("gone", "No such job", {"what": "job", "back": "/jobs"}, status=404)
    progress = None
    if job.row.state == "running":
        [progress] = await monitor_queue(job.row.ref).read_progress(redis, [job.row.job_id])
    return View(
        "job",
        job.row.name or "Job",
        {"job": job, "row": job.row, "progress": progress, "levels": LEVELS, "wants_arguments": wants_arguments},
    )


async def cancel(redis: Redis, request: PageRequest) -> str:
    """Cancels the job."""
    queue = await named_queue(redis, request)
    return _back(request, queue, _CANCEL_NOTICES[await admin.cancel(redis, queue, request.raw("id"))])


async def retry(redis: Redis, request: PageRequest) -> str:
    """Makes the job run now, or again."""
    queue = await named_queue(redis, request)
    return _back(request, queue, _RETRY_NOTICES[await admin.retry(redis, queue, request.raw("id"))])


def _back(request: PageRequest, queue: QueueRef, did: str) -> str:
    return link("/jobs/job", {"queue": queue, "id": request.raw("id"), "did": did})
