"""Which page is where, and what changes something: the one list that the app, the stream and the tests go by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.web.asked import Asked
from monarq.monitor.web.pages import cron, dead, job, jobs, overview, queues, workers
from monarq.monitor.web.rendering import View

Read = Callable[[Redis, Asked], Awaitable[View]]
"""What a page shows."""

Change = Callable[[Redis, Asked], Awaitable[str]]
"""Changes something, and gives the link, below the prefix, to go to then."""

PAGES: Final[Mapping[str, Read]] = {
    "/": overview.show,
    "/queues": queues.show,
    "/queues/purge": queues.ask_purge,
    "/jobs": jobs.show,
    "/jobs/job": job.show,
    "/cron": cron.show,
    "/workers": workers.show,
    "/dead": dead.show_list,
    "/dead/confirm": dead.confirm,
}
"""Each by GET, and kept live by `/live?of=`."""

CHANGES: Final[Mapping[str, Change]] = {
    "/queues/pause": queues.pause,
    "/queues/resume": queues.resume,
    "/queues/purge": queues.purge,
    "/jobs/cancel": job.cancel,
    "/jobs/retry": job.retry,
    "/dead/retry": dead.retry,
    "/dead/delete": dead.delete,
}
"""Each by POST."""
