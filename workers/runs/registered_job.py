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
        name: the name that it is enqueued by.
        function: the function that is called.
        lane: where it is called.
        lane_queue: the set it waits in.
        first_argument: the argument that the function gets before its own.
        timeout_s: seconds it may run; None for no limit.
        policy: when it is tried again.
        keep_ms: ms to keep its result: 0 for ever, -1 not at all.
        own: what it says itself of these three.
        memory_bytes: the limit of its process on the cpu lane.
        import_path: where that process finds its function; None on the other lanes.
        types: how its arguments and its result travel; None for arq's functions, whose values travel as arq's do.
        resources: what the worker gives it besides its context; None for nothing.
        reserved: the names of the parameters that only the worker gives.
        is_cron: whether it is one of arq's cron jobs, whose log lines leave the id out.
        carrier_argument: the keyword argument in which another package, which makes the spans of its runs, gets the
            context of the trace; None where monarq makes them.
        limit_s: seconds after which the event loop cancels its run. None for no limit, and for the cpu lane, which has
            a timer of its own: it kills the process, which cannot be cancelled.
        is_io: whether it is called on the event loop.
        free_rows: the types of positional arguments that are right as they come.
        free_results: the types of results that are right and travel as they are; see `ResultForm.free`.
        is_called_alone: whether its function gets the job's own arguments and nothing before them.
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
        """Settles what follows from the rest."""
        object.__setattr__(self, "limit_s", None if self.lane is Lane.CPU else self.timeout_s)
        object.__setattr__(self, "reserved", frozenset() if self.resources is None else self.resources.parameters)
        object.__setattr__(self, "is_io", self.lane is Lane.IO)
        object.__setattr__(self, "is_called_alone", self.first_argument is FirstArgument.NOTHING)
        types = self.types
        object.__setattr__(self, "free_rows", frozenset() if types is None else types.arguments.free_rows)
        object.__setattr__(self, "free_results", frozenset() if types is None else types.result.free)


def with_options(job: RegisteredJob, options: RunOptions) -> RegisteredJob:
    """The job with other options of its runs, all of which are set but for those of its tries.

    Args:
        job: the job.
        options: what holds for a run, whoever said it.
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
    """The lanes of those jobs that do not run on the event loop, by name."""
    return {job.name: job.lane.value for job in jobs if job.lane is not Lane.IO}
