"""`Defaults`: an application's default settings of jobs and workers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from monarq.shared.options.retry import RetryOption
from monarq.shared.parsing import Duration
from monarq.shared.settings.table import find_setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """The default settings of an application's workers; None leaves a setting to pyproject.toml or its built-in value.

    The environment and the options of `monarq worker` override them. Options set by a job, a single enqueue or a
    `Queue` override all of these.

    Attributes:
        timeout: the `Duration` that a run may take; 0 for no limit.
        retry: how a job is retried after an exception: a number of retries, an `Exponential`, `Linear`, `Fixed` or
            `Delays`, or a function.
        max_tries: the maximum number of tries of a job.
        keep_result: the `Duration` to keep results; 0 for not at all, "forever" for no limit.
        concurrency: the number of jobs that each worker runs at once.
        threads: the number of thread jobs that each worker runs at once.
        burst: stop once no job is left.
        max_burst_jobs: with burst, stop after this many jobs.
        max_result: the largest result, in bytes or as "64MB"; a job with a larger one fails.
        max_error_text: how much of an error's text is kept.
        max_crashes: a job is dead after this many of its runs ended because the worker died.
        keep_unknown: the `Duration` that a job with an unknown name waits for a worker that knows it.
        keep_dead: the `Duration` to keep dead letters.
        max_dead: how many dead letters a queue keeps.
        grace: the `Duration` that running jobs get to finish when a worker is stopped.
        lease: the `Duration` without a heartbeat after which a worker's jobs go to another worker.
        max_jobs_per_child: how many cpu jobs the process of the cpu lane runs before it is replaced.
        cpu_memory: the memory limit of cpu jobs that do not set their own.
        poll: the interval of polling for jobs from clients that do not wake workers.

    Raises:
        SettingsError: a value is invalid.
    """

    timeout: Duration | None = None
    retry: RetryOption | None = None
    max_tries: int | None = None
    keep_result: Duration | None = None
    concurrency: int | None = None
    threads: int | None = None
    burst: bool | None = None
    max_burst_jobs: int | None = None
    max_result: int | str | None = None
    max_error_text: int | str | None = None
    max_crashes: int | None = None
    keep_unknown: Duration | None = None
    keep_dead: Duration | None = None
    max_dead: int | None = None
    grace: Duration | None = None
    lease: Duration | None = None
    max_jobs_per_child: int | None = None
    cpu_memory: int | str | None = None
    poll: Duration | None = None

    def __post_init__(self) -> None:
        """Checks the values, and converts durations to seconds and sizes to bytes."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, find_setting("worker", field.name).read(value))


def given_defaults(defaults: Defaults) -> dict[str, Any]:
    """The values that were given, by the names of the settings: durations in seconds, sizes in bytes."""
    values = {field.name: getattr(defaults, field.name) for field in fields(defaults)}
    return {name: value for name, value in values.items() if value is not None}
