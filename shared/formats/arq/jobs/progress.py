"""Progress of running jobs: reported and read. See progress.lua."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.replies import as_ids
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = ArqScript.load("jobs/progress")

BATCH: Final = 1000
"""The most jobs in one call."""


async def report_progress(
    redis: Redis, keys: QueueKeys, worker: str, reports: Sequence[tuple[Lease, bytes]], keep_ms: int
) -> list[bytes]:
    """Reports the progress of at most `BATCH` jobs; returns the raw ids of those that no longer belonged to the worker.

    Args:
        redis: the client.
        keys: the queue's keys.
        worker: the worker's id.
        reports: each job's lease with its report as JSON, or `KEEP_REPORT`.
        keep_ms: ms after which a report is deleted unless it is made again.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; it may be repeated.
    """
    check_batch(reports, BATCH)
    arguments: list[Argument] = [worker, keep_ms]
    for lease, report in reports:
        arguments += (lease.raw_id, lease.token, report)
    return as_ids(await _SCRIPT.run_on(redis, keys, arguments))


async def read_progress(redis: Redis, keys: QueueKeys, job_ids: Sequence[str]) -> list[Progress | None]:
    """The last report of each of these jobs; None if there was none, or the job ended a while ago."""
    if not job_ids:
        return []
    command = progress_command(keys, job_ids)
    values = await redis.execute_command(*command)  # type: ignore[no-untyped-call]
    return [None if value is None else decode_progress(value) for value in values]


def progress_command(keys: QueueKeys, job_ids: Sequence[str]) -> tuple[Argument, ...]:
    """The command that reads these jobs' progress, one string per job."""
    return ("MGET", *(keys.progress(job_id) for job_id in job_ids))


def split_reports(message: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The reports in a message of the channel: raw job ids with their reports."""
    parts = message.split(b"\0")
    return zip(parts[::2], parts[1::2], strict=False)
