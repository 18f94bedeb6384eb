"""The work of `monarq jobs`: finds jobs, and shows, cancels or retries them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.cli.console import FAILED, open_console, put_out, say
from monarq.cli.dead.progress import Tally
from monarq.cli.jobs.view import as_row_line, as_view_line, render_rows, render_view
from monarq.cli.source import open_client
from monarq.monitor.admin import admin
from monarq.monitor.admin.admin import Cancelled, Retried
from monarq.monitor.jobs.job_view import JobView, find_job
from monarq.monitor.jobs.listing import MOST_LOOKED_AT, MOST_ROWS, JobRow, ListedState
from monarq.monitor.jobs.listing import list_jobs as read_page
from monarq.monitor.queues.stats import known_queues
from monarq.shared.redis.connection import UrlSource
from monarq.shared.text.printable import printable

Act = Callable[[Redis, JobView], Awaitable[str | None]]
"""Does something with a job; gives the reason where it was left as it is, or None."""

_WHY_NOT_CANCELLED: Final = {Cancelled.UNKNOWN: "it is in its queue no more"}
_WHY_NOT_RETRIED: Final = {
    Retried.QUEUED: "it is due already, and waits for a worker",
    Retried.RUNS: "it runs",
    Retried.NO_PAYLOAD: "its payload was gone before it died",
    Retried.UNKNOWN: "it has ended, and left no dead letter",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list is about.

    Attributes:
        queues: where to look; all known queues where there is none.
        states: which jobs.
        name: a name or pattern that they must have, or None.
        limit: how many of a state.
    """

    queues: tuple[str, ...]
    states: Sequence[ListedState]
    name: str | None
    limit: int


async def list_jobs(source: UrlSource, listing: Listing, as_json: bool) -> int:
    """Prints the jobs that are meant; gives the exit code.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        queues = listing.queues or await known_queues(redis)
        rows: list[JobRow] = []
        for state in listing.states:
            of_state = await _rows_of(redis, queues, state, listing)
            if len(of_state) > listing.limit:
                say(f"monarq: there are more {state} jobs than these {listing.limit:,}; --limit shows them")
            rows += of_state[: listing.limit]
    if as_json:
        put_out("".join(map(as_row_line, rows)))
    elif rows:
        console = open_console(sys.stdout)
        console.print(render_rows(rows, with_queue=len(queues) > 1, width=console.width))
    if not rows:
        what = (
            f"{' or '.join(listing.states)} jobs{'' if listing.name is None else f' named {printable(listing.name)}'}"
        )
        say(f"monarq: no {what} in {', '.join(map(printable, queues))}")
    return 0


async def _rows_of(redis: Redis, queues: Sequence[str], state: ListedState, listing: Listing) -> list[JobRow]:
    """The first jobs of a state, up to one more than the limit."""
    rows: list[JobRow] = []
    for queue in queues:
        after: str | None = None
        looked_at = 0
        while len(rows) <= listing.limit:
            missing = min(MOST_ROWS, listing.limit + 1 - len(rows))
            page = await read_page(redis, queue, state, after=after, limit=missing, name=listing.name)
            rows += page.rows
            looked_at += page.looked_at
            after = page.next
            if after is None:
                break
            if listing.name is not None and looked_at >= MOST_LOOKED_AT:
                say(f"monarq: only the first {looked_at:,} {state} jobs of {printable(queue)} were looked at")
                break
    return rows


async def show_jobs(
    source: UrlSource, queues: Sequence[str], ids: Sequence[str], *, with_arguments: bool, as_json: bool
) -> int:
    """Prints all that is known of jobs; gives the exit code, 1 where an id is not known.

    Raises:
        RedisError: Redis did not answer.
    """
    missing = 0
    console = open_console(sys.stdout)
    async with open_client(source) as redis:
        for job_id in ids:
            view = await _find(redis, queues, job_id, with_arguments=with_arguments)
            if view is None:
                missing += 1
                say(f"monarq: {await _unknown(redis, queues, job_id)}")
            elif as_json:
                put_out(as_view_line(view))
            else:
                console.print(render_view(view, with_arguments=with_arguments), soft_wrap=True)
    return FAILED if missing else 0


async def cancel_jobs(source: UrlSource, queues: Sequence[str], ids: Sequence[str]) -> int:
    """Has jobs cancelled; gives the exit code, 1 where one could not be.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _work(source, queues, ids, _cancel, done="being cancelled", undone="cancelled")


async def retry_jobs(source: UrlSource, queues: Sequence[str], ids: Sequence[str]) -> int:
    """Has jobs run again, or now; gives the exit code, 1 where one could not be.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _work(source, queues, ids, _retry, done="due now", undone="retried")


async def _work(
    source: UrlSource, queues: Sequence[str], ids: Sequence[str], act: Act, *, done: str, undone: str
) -> int:
    wanted = list(dict.fromkeys(ids))
    async with open_client(source) as redis:
        with Tally(len(wanted), done=done, undone=undone) as tally:
            for job_id in wanted:
                view = await _find(redis, queues, job_id)
                why_not = await _unknown(redis, queues, job_id) if view is None else await act(redis, view)
                if why_not is None:
                    tally.add(1)
                else:
                    tally.refuse(_as_text(job_id), why_not)
    return FAILED if tally.refused else 0


async def _cancel(redis: Redis, view: JobView) -> str | None:
    row = view.row
    if row.state in ("done", "failed", "aborted", "ended", "dead"):
        return f"it has ended already ({row.state})"
    answer = await admin.cancel(redis, row.queue, row.raw_id)
    if answer is Cancelled.PAUSED:
        say(f"monarq: {printable(row.id)} waits in a paused queue, and ends when that is resumed")
    return _WHY_NOT_CANCELLED.get(answer)


async def _retry(redis: Redis, view: JobView) -> str | None:
    return _WHY_NOT_RETRIED.get(await admin.retry(redis, view.row.queue, view.row.raw_id))


async def _find(redis: Redis, queues: Sequence[str], job_id: str, *, with_arguments: bool = False) -> JobView | None:
    for queue in queues or (None,):
        view = await find_job(redis, job_id, queue, with_arguments=with_arguments)
        if view is not None:
            return view
    return None


async def _unknown(redis: Redis, queues: Sequence[str], job_id: str) -> str:
    where = ", ".join(map(printable, queues or await known_queues(redis)))
    return f"nothing is known of job {printable(_as_text(job_id))} in {where}; -q names other queues"


def _as_text(job_id: str) -> str:
    """An id of the command line, whose bytes need be no UTF-8."""
    return job_id.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
