"""The routes of pages and changes: the single list used by the app, the event stream and the tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.web.base.page_request import PageRequest
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages import cron, dead_letters, job, jobs, queues, workers
from monarq.monitor.web.pages.overview import OverviewPage

Read = Callable[[Redis, PageRequest], Awaitable[View]]
"""Reads what a page shows."""

Change = Callable[[Redis, PageRequest], Awaitable[str]]
"""Changes something and returns the link to redirect to, relative to the prefix."""


def make_pages() -> dict[str, Read]:
    """The pages by path: loaded with GET, and kept live by `/live?of=`. Some cache what they have read."""
    return {
        "/": OverviewPage().show,
        "/queues": queues.show,
        "/queues/purge": queues.confirm_purge,
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
"""The changes by path; each is a POST."""
