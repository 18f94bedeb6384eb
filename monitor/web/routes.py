"""Which page is where, and what changes something: the one list that the app, the stream and the tests go by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.web.base.page_request import Asked
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages import cron, dead_letters, job, jobs, queues, workers
from monarq.monitor.web.pages.overview import Overview

Read = Callable[[Redis, Asked], Awaitable[View]]
"""What a page shows."""

Change = Callable[[Redis, Asked], Awaitable[str]]
"""Changes something, and gives the link, below the prefix, to go to then."""


def make_pages() -> dict[str, Read]:
    """Each page by its path: asked for by GET, and kept live by `/live?of=`. Some remember what they have read."""
    return {
        "/": Overview().show,
        "/queues": queues.show,
        "/queues/purge": queues.ask_purge,
        "/jobs": jobs.show,
        "/jobs/job": job.show,
        "/cron": cron.show,
        "/workers": workers.show,
        "/dead": dead_letters.show_list,
        "/dead/confirm": dead_letters.confirm,
    }


CHANGES: Final[Mapping[str, Change]] = {
    "/queues/pause": queues.pause,
    "/queues/resume": queues.resume,
    "/queues/purge": queues.purge,
    "/jobs/cancel": job.cancel,
    "/jobs/retry": job.retry,
    "/dead/retry": dead_letters.retry,
    "/dead/delete": dead_letters.delete,
}
"""Each by POST."""
