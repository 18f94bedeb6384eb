"""A job as a worker runs it: everything that can be decided before its first run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from monarq.shared.jobs.retry_policy import RetryPolicy
from monarq.shared.lane import Lane, LaneQueue

if TYPE_CHECKING:
    from monarq.shared.calls.arguments import ArgumentConverter
    from monarq.workers.runs.import_path import ImportPath


class FirstArgument(Enum):
    """What a job's function gets before its own arguments."""

    NOTHING = auto()
    CONTEXT = auto()
    CTX_DICT = auto()


@dataclass(frozen=True, slots=True)
class RegisteredJob:
    """A job as the worker runs it.

    Attributes:
        name: what it is enqueued by.
        function: what is called.
        lane: where.
        lane_queue: the set it waits in.
        passes: what the function gets first.
        timeout_s: seconds it may run; None for no limit.
        policy: when it is tried again.
        keep_ms: ms to keep its result: 0 for ever, -1 not at all.
        memory_bytes: the limit of its process on the cpu lane.
        import_path: where that process finds its function; None on the other lanes.
        converter: makes arguments again that travelled in msgpack, where its annotations ask for it.
        is_cron: whether it is one of arq's cron jobs, whose log lines leave the id out.
        is_traced: whether somebody else makes spans of its runs.
    """

    name: str
    function: Callable[..., Any]
    lane: Lane
    lane_queue: LaneQueue
    passes: FirstArgument
    timeout_s: float | None
    policy: RetryPolicy
    keep_ms: int
    memory_bytes: int | None = None
    import_path: ImportPath | None = None
    converter: ArgumentConverter | None = None
    is_cron: bool = False
    is_traced: bool = False


def lanes_of(jobs: Iterable[RegisteredJob]) -> Mapping[str, str]:
    """By name the lanes of those jobs that do not run on the event loop."""
    return {job.name: job.lane.value for job in jobs if job.lane is not Lane.IO}
