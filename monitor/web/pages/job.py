"""One job: what it is, holds and came to, and what happened to it; cancels it, or has it run again."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from monarq.monitor.admin import admin as steering
from monarq.monitor.admin.admin import Cancelled, Retried
from monarq.monitor.jobs.job_view import find_job
from monarq.monitor.web.base.page_request import Asked, link
from monarq.monitor.web.base.rendering import View
from monarq.shared.commands.jobs.progress import read_progress
from monarq.shared.redis.keys import QueueKeys

LEVELS: Final = {
    "running": "run",
    "done": "ok",
    "failed": "bad",
    "dead": "bad",
    "aborted": "warn",
    "enqueued": "",
    "started": "run",
    "retried": "warn",
    "crashed": "bad",
    "handed-back": "warn",
    "unknown": "warn",
    "abort-asked": "warn",
}
"""How states, and what happened, are coloured; what is not named has no colour."""

_OF_CANCEL: Final = {
    Cancelled.WAITS: "cancelled",
    Cancelled.RUNS: "cancelled",
    Cancelled.PAUSED: "cancelled-paused",
    Cancelled.UNKNOWN: "nothing",
}
_OF_RETRY: Final = {
    Retried.REVIVED: "revived",
    Retried.PROMOTED: "promoted",
    Retried.QUEUED: "queued",
    Retried.RUNS: "runs",
    Retried.NO_PAYLOAD: "no-payload",
    Retried.UNKNOWN: "nothing",
}


async def show(redis: Redis, asked: Asked) -> View:
    """The job; its arguments only where they are asked for."""
    queue = asked.text("queue") or None
    wants_arguments = bool(asked.text("arguments"))
    job = await find_job(redis, asked.raw("id"), queue, with_arguments=wants_arguments)
    if job is None:
        return View("gone", "No such job", {"what": "job", "back": "/jobs"}, status=404)
    progress = None
    if job.row.state == "running":
        [progress] = await read_progress(redis, QueueKeys.of(job.row.queue), [job.row.id])
    return View(
        "job",
        job.row.name or "Job",
        {"job": job, "row": job.row, "progress": progress, "levels": LEVELS, "wants_arguments": wants_arguments},
    )


async def cancel(redis: Redis, asked: Asked) -> str:
    """Asks that it be stopped, or not be started."""
    return _back(asked, _OF_CANCEL[await steering.cancel(redis, asked.text("queue"), asked.raw("id"))])


async def retry(redis: Redis, asked: Asked) -> str:
    """Has it run now, or again."""
    return _back(asked, _OF_RETRY[await steering.retry(redis, asked.text("queue"), asked.raw("id"))])


def _back(asked: Asked, did: str) -> str:
    return link("/jobs/job", {"queue": asked.text("queue"), "id": asked.raw("id"), "did": did})
