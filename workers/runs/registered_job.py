"""A registered job: a job as a worker runs it, with everything that can be decided before its first run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.options.run_options import NO_OPTIONS, RunOptions, keep_ms_of
from monarq.workers.runs.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from monarq.shared.calls.job_types import JobTypes
    from monarq.shared.calls.resource_plan import ResourcePlan
    from monarq.workers.runs.import_path import ImportPath


class FirstArgument(Enum):
    """The argument that a job's function gets before its own."""

    NOTHING = auto()
    CONTEXT = auto()
    CTX_DICT = auto()


@dataclass(frozen=True, slots=True)
class RegisteredJob:
    """A job as the worker runs it.

    Attributes:
        name: the name under which it is enqueued.
        function: the function that is called.
        lane: where it is called.
        lane_queue: the set it waits in.
        first_argument: the argument that the function gets before its own.
        timeout_s: seconds it may run; None for no limit.
        policy: when it is retried.
        keep_ms: ms to keep its result; 0: forever, -1: not at all.
        own: the job's own settings of these three.
        memory_bytes: the memory limit of its process on the cpu lane.
        import_path: where that process finds its function; None on the other lanes.
        types: how its arguments and result are converted; None for arq's functions, whose values are sent as in arq.
        resources: what the worker passes besides its context; None for nothing.
        reserved: the names of the parameters that only the worker may pass.
        is_cron: whether it is one of arq's cron jobs, whose log lines omit the id.
        carrier_argument: the keyword argument in which another package, which creates the spans of its runs, gets the
            trace context; None if monarq creates them.
        limit_s: seconds after which the event loop cancels its run. None for no limit, and for the cpu lane, which has
            its own timer that kills the process, since it cannot be cancelled.
        is_io: whether it is called on the event loop.
        free_rows: the types of positional arguments that need no conversion.
        free_results: the types of results that need no conversion; see `ResultForm.free`.
        is_called_alone: whether its function gets only the job's own arguments.
    """

    name: str
    function: Callable[..., Any]
    lane: Lane
    lane_queue: LaneQueue
    first_argument: FirstArgument
    timeout_s: float | None
    policy: RetryPolicy
    keep_ms: int
    own: RunOptions = NO_OPTIONS
    memory_bytes: int | None = None
    import_path: ImportPath | None = None
    types: JobTypes | None = None
    resources: ResourcePlan | None = None
    reserved: frozenset[str] = field(init=False)
    is_cron: bool = False
    carrier_argument: str | None = None
    limit_s: float | None = field(init=False)
    is_io: bool = field(init=False)
    is_called_alone: bool = field(init=False)
    free_rows: frozenset[tuple[type, ...]] = field(init=False, repr=False)
    free_results: frozenset[type] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Derives the remaining fields."""
        object.__setattr__(self, "limit_s", None if self.lane is Lane.CPU else self.timeout_s)
        object.__setattr__(self, "reserved", frozenset() if self.resources is None else self.resources.parameters)
        object.__setattr__(self, "is_io", self.lane is Lane.IO)
        object.__setattr__(self, "is_called_alone", self.first_argument is FirstArgument.NOTHING)
        types = self.types
        object.__setattr__(self, "free_rows", frozenset() if types is None else types.arguments.free_rows)
        object.__setattr__(self, "free_results", frozenset() if types is None else types.result.free)


def with_options(job: RegisteredJob, options: RunOptions) -> RegisteredJob:
    """The job with other options of its runs; all options are set except those of its tries.

    Args:
        job: the job.
        options: the options of a run, from any source.
    """
    assert options.timeout_s is not None
    assert options.keep_result_s is not None
    return replace(
        job,
        timeout_s=options.timeout_s or None,
        policy=replace(job.policy, max_tries=options.max_tries, retry=options.retry),
        keep_ms=keep_ms_of(options.keep_result_s),
    )


def lanes_of(jobs: Iterable[RegisteredJob]) -> Mapping[str, str]:
    """The lanes, by name, of the jobs that do not run on the event loop."""
    return {job.name: job.lane.value for job in jobs if job.lane is not Lane.IO}
