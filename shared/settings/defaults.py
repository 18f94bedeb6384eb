"""`Defaults`: what holds for jobs and workers where nothing nearer says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from monarq.shared.options.retry import RetryOption
from monarq.shared.parsing import Duration
from monarq.shared.settings.table import find_setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Defaults of an application's workers, by the names of the settings; None leaves one to what is less near.

    The environment and the options of `monarq worker` win over them, and pyproject.toml and the built-in values hold
    where they say nothing. What a job, one enqueue or a `Queue` says itself wins over all of these.

    Attributes:
        timeout: the `Duration` that a run may take; 0 for no limit.
        retry: when a job is tried again after an exception: a number of retries, `Exponential` and its like, or a
            function.
        max_tries: how often a job is tried in all.
        keep_result: the `Duration` that results are kept; 0 not at all, "forever" without end.
        concurrency: jobs at once in each worker.
        threads: thread jobs at once in each worker.
        burst: end once no job is left.
        max_burst_jobs: with burst: end after so many jobs.
        max_result: a job with a larger result has failed: bytes, or text such as "64MB".
        max_error_text: how much is kept of an error's text.
        max_crashes: a job that so often was running when its worker died is dead.
        keep_unknown: the `Duration` that a job of an unknown name waits for a worker that knows it.
        keep_dead: the `Duration` that dead letters are kept.
        max_dead: how many dead letters a queue keeps.
        grace: the `Duration` that running jobs may go on when a worker is stopped.
        lease: the `Duration` without a sign of life after which a worker's jobs are run by another.
        max_jobs_per_child: cpu jobs after which the process of the cpu lane is replaced.
        cpu_memory: what a cpu job may take that has no limit of its own.
        poll: how often to look for jobs of clients that wake no worker.

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
        """Checks the values; durations and sizes then read as seconds and bytes."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, find_setting("worker", field.name).read(value))


def given_defaults(defaults: Defaults) -> dict[str, Any]:
    """The values that were given, by the names of the settings: durations in seconds, sizes in bytes."""
    values = {field.name: getattr(defaults, field.name) for field in fields(defaults)}
    return {name: value for name, value in values.items() if value is not None}
