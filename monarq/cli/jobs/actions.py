"""Implements `monarq jobs`: finds jobs, and shows, cancels or retries them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import open_client
from monarq.cli.jobs.view import as_row_line, as_view_line, render_rows, render_view
from monarq.cli.terminal.console import FAILED, open_console, say, write_out
from monarq.cli.terminal.progress import ActionProgress
from monarq.monitor.admin import admin
from monarq.monitor.admin.admin import Cancelled, Retried
from monarq.monitor.jobs.job_view import JobView, find_job
from monarq.monitor.jobs.listing import MOST_LOOKED_AT, MOST_ROWS, JobRow, ListedState
from monarq.monitor.jobs.listing import list_jobs as read_page
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import UrlSource
from monarq.shared.text.printable import printable


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an action on a job.

    Attributes:
        refusal: why it was refused, or None.
        words: the state of the job if it is not the action's usual one, or None.
    """

    refusal: str | None = None
    words: str | None = None


Action = Callable[[Redis, JobView], Awaitable[Answer]]
"""Acts on a job."""

_CANCEL_REFUSALS: Final = {Cancelled.UNKNOWN: "it is no longer in its queue"}
_RETRY_REFUSALS: Final = {
    Retried.QUEUED: "it is already due, and waits for a worker",
    Retried.RUNS: "it is running",
    Retried.NO_PAYLOAD: "its payload is gone",
    Retried.UNKNOWN: "it has ended and left no dead letter",
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The jobs to list.

    Attributes:
        queues: where to look; all known queues if no name is given.
        states: the states of the jobs.
        name: a name or pattern that the jobs must match, or None.
        limit: how many to list for each state.
    """

    queues: QueueNames
    states: Sequence[ListedState]
    name: str | None
    limit: int


async def list_jobs(source: UrlSource, query: ListQuery, as_json: bool) -> int:
    """Prints the jobs that match; returns the exit code, 1 if a queue is unknown.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        queues, code = await query.queues.find_there(redis)
        rows: list[JobRow] = []
        for state in query.states:
            of_state = await _rows_of(redis, queues, state, query)
            if len(of_state) > query.limit:
                say(f"monarq: there are more {state} jobs than these {query.limit:,}; raise --limit to see them")
            rows += of_state[: query.limit]
    if as_json:
        write_out("".join(map(as_row_line, rows)))
    elif rows:
        console = open_console(sys.stdout)
        console.print(render_rows(rows, queues, width=console.width))
    if queues and not rows:
        what = f"{_listed(query.states)} jobs{'' if query.name is None else f' named {printable(query.name)}'}"
        say(f"monarq: no {what} in {_names(queues)}")
    return code


async def _rows_of(redis: Redis, queues: Sequence[QueueRef], state: ListedState, query: ListQuery) -> list[JobRow]:
    """The first jobs in a state, up to one more than the limit."""
    rows: list[JobRow] = []
    for queue in queues:
        after: str | None = None
        looked_at = 0
        while len(rows) <= query.limit:
            missing = min(MOST_ROWS, query.limit + 1 - len(rows))
            page = await read_page(redis, queue, state, after=after, limit=missing, name=query.name)
            rows += page.rows
            looked_at += page.looked_at
            after = page.next
            if after is None:
                break
            if query.name is not None and looked_at >= MOST_LOOKED_AT:
                say(f"monarq: only the first {looked_at:,} {state} jobs of {printable(queue.label)} were searched")
                break
    return rows


async def show_jobs(
    source: UrlSource, queues: QueueNames, ids: Sequence[str], *, with_arguments: bool, as_json: bool
) -> int:
    """Prints all details of jobs; returns the exit code, 1 if an id is unknown.

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
                say(f"monarq: {await _unknown_reason(redis, queues, job_id)}")
            elif as_json:
                write_out(as_view_line(view))
            else:
                console.print(render_view(view, with_arguments=with_arguments), soft_wrap=True)
    return FAILED if missing else 0


async def cancel_jobs(source: UrlSource, queues: QueueNames, ids: Sequence[str]) -> int:
    """Cancels jobs; returns the exit code, 1 if one was refused.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _apply(source, queues, ids, _cancel, done_words="being cancelled", undone_words="cancelled")


async def retry_jobs(source: UrlSource, queues: QueueNames, ids: Sequence[str]) -> int:
    """Retries dead jobs and makes deferred ones due now; returns the exit code, 1 if one was refused.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _apply(source, queues, ids, _retry, done_words="due now", undone_words="retried")


async def _apply(
    source: UrlSource, queues: QueueNames, ids: Sequence[str], action: Action, *, done_words: str, undone_words: str
) -> int:
    wanted = list(dict.fromkeys(ids))
    async with open_client(source) as redis:
        with ActionProgress(len(wanted), done_words=done_words, undone_words=undone_words) as progress:
            for job_id in wanted:
                view = await _find(redis, queues, job_id)
                if view is None:
                    answer = Answer(await _unknown_reason(redis, queues, job_id))
                else:
                    answer = await action(redis, view)
                if answer.refusal is None:
                    progress.add_done(1, answer.words)
                else:
                    progress.add_refused(_as_text(job_id), answer.refusal)
    return FAILED if progress.refused else 0


async def _cancel(redis: Redis, view: JobView) -> Answer:
    row = view.row
    if row.state in ("succeeded", "failed", "cancelled"):
        return Answer(f"it has already ended ({row.state})")
    answer = await admin.cancel(redis, row.ref, row.raw_id)
    if answer is Cancelled.PAUSED:
        say(f"monarq: {printable(row.job_id)} is in a paused queue and ends once that is resumed")
    return Answer(_CANCEL_REFUSALS.get(answer), "cancelled" if answer is Cancelled.ENDED else None)


async def _retry(redis: Redis, view: JobView) -> Answer:
    return Answer(_RETRY_REFUSALS.get(await admin.retry(redis, view.row.ref, view.row.raw_id)))


async def _find(redis: Redis, queues: QueueNames, job_id: str, *, with_arguments: bool = False) -> JobView | None:
    for queue in await queues.find(redis) if queues else (None,):
        view = await find_job(redis, job_id, queue, with_arguments=with_arguments)
        if view is not None:
            return view
    return None


async def _unknown_reason(redis: Redis, queues: QueueNames, job_id: str) -> str:
    where = _names(await queues.find(redis))
    return f"no job {printable(_as_text(job_id))} is known in {where}; use -q to look in other queues"


def _listed(states: Sequence[str]) -> str:
    *first, last = states
    return f"{', '.join(first)} or {last}" if first else last


def _names(queues: Sequence[QueueRef]) -> str:
    return ", ".join(printable(queue.label) for queue in queues)


def _as_text(job_id: str) -> str:
    """An id from the command line, which may not be UTF-8, as text."""
    return job_id.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
