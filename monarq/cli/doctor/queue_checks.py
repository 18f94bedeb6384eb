"""Checks the queues of a Redis: do jobs wait whose names no worker knows?"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.cli.doctor.finding import Finding
from monarq.monitor.health.queue_health import unknown_jobs_text
from monarq.monitor.queues.series import UNKNOWN, read_unknown_jobs
from monarq.shared.formats.choice.monitors import known_queues
from monarq.shared.protocol.namesake import option_of
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.redis_errors import REDIS_ERRORS, explain
from monarq.shared.similar_names import suggestion

SECTION: Final = "queues"
SUBJECT: Final = "unknown jobs"


async def check_queues(redis: Redis, shown: str, target: str | None, jobs: Collection[str]) -> list[Finding]:
    """The findings about the queues of this Redis.

    Args:
        redis: a client.
        shown: the server's URL without secrets.
        target: what the worker would run; None if that was not given or cannot be loaded.
        jobs: the names of its jobs.
    """
    try:
        unknown = {queue: await read_unknown_jobs(redis, queue) for queue in await known_queues(redis)}
    except REDIS_ERRORS as error:
        return [Finding(SECTION, SUBJECT, f"cannot be read: {error}", "warning", str(explain(error, shown)))]
    found = [
        Finding(
            *(SECTION, SUBJECT, f"{queue.label}: {unknown_jobs_text(names)}", "warning"),
            _advice(queue, names, target, jobs),
        )
        for queue, names in unknown.items()
        if names
    ]
    return found or [Finding(SECTION, SUBJECT, "no worker has found any in the last two minutes")]


def _advice(queue: QueueRef, names: Sequence[str], target: str | None, jobs: Collection[str]) -> str:
    """What to do about jobs that no worker of a queue knows."""
    named = [name for name in names if name != UNKNOWN]
    of_target = sorted(set(named).intersection(jobs))
    if target is not None and of_target:
        what = f"{', '.join(map(repr, of_target))} {'is a job' if len(of_target) == 1 else 'are jobs'} of {target}"
        return f"{what}: start it, or restart its workers: monarq worker {shlex.quote(target)} {option_of(queue)}"
    meant = suggestion(named[0], jobs) if named else ""
    return (
        "start or redeploy a worker whose module has these jobs before they become dead letters (--keep-unknown, 1h),"
        f" or correct their names where they are enqueued{meant}"
    )
