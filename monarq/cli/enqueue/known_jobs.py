"""Whether the workers of a queue know a job, and which one may be meant if they do not."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monarq.shared.errors import MonarqError
from monarq.shared.formats.choice.monitors import monitor_queue, read_workers
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.replies import text
from monarq.shared.similar_names import suggestion

if TYPE_CHECKING:
    from redis.asyncio import Redis


LONGEST_NAME: Final = 200
"""The bytes of a name that workers register."""


async def unknown_job_warning(
    redis: Redis, queue: QueueRef, name: str, arguments: Sequence[Any], *, waits: bool
) -> str:
    """Why a job may stay in its queue, and which job may be meant; '' if its workers know it.

    Args:
        redis: a client.
        queue: the job's queue.
        name: the job's name.
        arguments: its positional arguments.
        waits: whether the command waits for the job, and so also says that no worker is running.

    Raises:
        RedisError: Redis did not answer.
    """
    known = await monitor_queue(queue).read_names(redis)
    if text(name.encode(errors="surrogateescape")[:LONGEST_NAME]) in known:
        return ""
    meant = path_meant(name, arguments)
    advice = f"; to enqueue a job of the module {name}: monarq enqueue {meant}" if meant else suggestion(name, known)
    if (await read_workers(redis, [queue]))[queue]:
        if not known:  # they have just started, and register their names now
            return ""
        return f"no monarq worker of {queue} has registered job {name!r}{advice}; it waits for one that does"
    if waits:
        return f"no monarq worker serves {queue} now{advice if meant else ''}; waiting for one to run the job"
    return f"{name!r} is taken as a job's name{advice}" if meant else ""


def path_meant(name: str, arguments: Sequence[Any]) -> str:
    """``module:job`` and the arguments, if the name is that of a module and the first argument that of its job.

    Only modules in the current folder count. Such a module is imported.
    """
    job = arguments[0] if arguments else None
    if not isinstance(job, str) or not (name.isidentifier() and job.isidentifier()):
        return ""
    if name not in sys.modules and PathFinder.find_spec(name, [str(Path.cwd())]) is None:
        return ""
    from monarq.workers.process.target_loader import find_job

    try:
        find_job(f"{name}:{job}")
    except MonarqError:
        return ""
    return " ".join([f"{name}:{job}", *("..." for _ in arguments[1:2])])
