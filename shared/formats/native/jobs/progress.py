"""Progress of running jobs: reported and read. See progress.lua and reports.lua."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.replies import as_ids
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = NativeScript.load("jobs/progress")
_READ = NativeScript.load("jobs/reports")
_GONE: Final = -1

BATCH: Final = 1000
"""The most jobs in one call."""

KEEP: Final = b""
"""In place of a report: keep the last one, and only check whether the job is held."""


async def report_progress(
    redis: Redis, keys: NativeKeys, incarnation: str, reports: Sequence[tuple[bytes, bytes, bytes]]
) -> list[bytes]:
    """Reports the progress of at most `BATCH` jobs; returns the raw ids of those that are no longer held.

    A report is kept as long as its job runs, and at least two minutes longer.

    Args:
        redis: the client.
        keys: the queue's keys.
        incarnation: who holds the jobs.
        reports: each job's raw id, the token that it is held under, and its report as JSON, or `KEEP`.

    Raises:
        ValueError: there are more than `BATCH`.
        IncarnationGoneError: the incarnation has ended for good.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(reports, BATCH)
    arguments: list[Argument] = [keys.reports]
    for report in reports:
        arguments += report
    reply = await _SCRIPT.run_on(redis, keys, arguments, incarnation=incarnation)
    if reply == _GONE:
        raise IncarnationGoneError
    return as_ids(reply)


async def read_progress(redis: Redis, keys: NativeKeys, job_ids: Sequence[str | bytes]) -> list[bytes | None]:
    """The last report of each of these jobs, as it is published; None if there was none, or it ended a while ago.

    Raises:
        RedisError: Redis did not answer.
    """
    values: list[bytes | None] = []
    for at in range(0, len(job_ids), BATCH):
        values += await _READ.run_on(redis, keys, job_ids[at : at + BATCH])
    return values


def split_reports(message: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The reports in a message of the channel: raw job ids with their reports."""
    parts = message.split(b"\0")
    return zip(parts[::2], parts[1::2], strict=False)
