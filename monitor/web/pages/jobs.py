"""The jobs page: jobs by state, and the search by id and name."""

from __future__ import annotations

from typing import Final, cast

from redis.asyncio import Redis

from monarq.monitor.jobs.job_view import find_rows
from monarq.monitor.jobs.listing import CursorError, JobPage, JobRow, ListedState, list_jobs
from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.monitor.web.base.page_request import PageRequest
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages.queue_choice import chosen_queue, need_format
from monarq.shared.formats.choice.monitors import known_queues, monitor_queue
from monarq.shared.payloads.progress import Progress
from monarq.shared.protocol.queue_ref import QueueRef

SHOWN: Final = 50
STATES: Final = ("queued", "running", "deferred", "failed", "ended")

PATTERN: Final = "*?["
"""The characters that make a name a pattern."""


async def show(redis: Redis, request: PageRequest) -> View:
    """One page of the jobs in a state, in one queue."""
    known = await known_queues(redis)
    queue = await chosen_queue(redis, request) or known[0]
    state = cast("ListedState", request.one_of("state", *STATES))
    [stats] = await read_stats(redis, [queue])
    page = await _read(redis, queue, state, request)
    return View(
        "jobs",
        "Jobs",
        {
            "queue": queue,
            "names": sorted({each.name for each in (*known, queue)}),
            "asks_format": need_format([*known, queue]),
            "state": state,
            "states": [(name, _count(stats, name)) for name in STATES],
            "page": page,
            "progress": await _progress(redis, queue, page.rows) if state == "running" else {},
            "search": request.text("name"),
            "found": await _find(redis, request),
        },
    )


async def _read(redis: Redis, queue: QueueRef, state: ListedState, request: PageRequest) -> JobPage:
    name, after = request.text("name") or None, request.text("after") or None
    if name and not any(sign in name for sign in PATTERN):
        # Users who search for part of a name need not know patterns.
        name = f"*{name}*"
    try:
        return await list_jobs(redis, queue, state, after=after, limit=SHOWN, name=name)
    except CursorError:
        return await list_jobs(redis, queue, state, limit=SHOWN, name=name)


async def _progress(redis: Redis, queue: QueueRef, rows: tuple[JobRow, ...]) -> dict[bytes, Progress | None]:
    reports = await monitor_queue(queue).read_progress(redis, [row.job_id for row in rows])
    return dict(zip((row.raw_id for row in rows), reports, strict=True))


async def _find(redis: Redis, request: PageRequest) -> list[JobRow]:
    """The job with this id, in any queue, if an id was given instead of a name."""
    job_id = request.raw("name").strip()
    return await find_rows(redis, job_id) if job_id and not any(sign in job_id for sign in PATTERN.encode()) else []


def _count(stats: QueueStats, state: str) -> int:
    counts = {
        "queued": stats.queued,
        "running": stats.running,
        "deferred": stats.deferred,
        "failed": stats.dead,
        "ended": stats.succeeded + stats.failed + stats.cancelled,
    }
    return counts[state]
