"""The spec of a worker process and the limits of its supervisor, both built from the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from monarq.workers.config.log_settings import LogSettings


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What one worker process of a pool runs, as sent to that process.

    It may hold a password. It is sent over a private socket, never in a command line or an environment, and its repr
    leaves secrets out.

    Attributes:
        target: the path of what to run; see `monarq.workers.process.target_loader`.
        redis_url: the Redis to use instead of the one that the target or the environment names.
        overrides: settings from options and the environment by attribute, such as "lease_s"; only JSON types.
        project: settings from pyproject.toml by name, such as "lease"; TOML types.
        index: the worker's number in its pool, from 0.
        verbosity: how much it logs: 0 is the default, 1 logs every job, -1 only warnings.
        log_format: "text" or "json".
        custom_log_dict: dotted path of a dict for logging.config, which replaces these two.
        restarts: how often the worker of its slot ended unexpectedly or was killed, and was replaced.
        warns_for_pool: whether it is the one worker of its pool that logs warnings about Redis and the target.
        loaders: dotted paths of `TargetLoader`s, for targets that are not modules of jobs.
    """

    target: str | None
    redis_url: str | None = field(default=None, repr=False)
    overrides: dict[str, Any] = field(default_factory=dict)
    project: dict[str, Any] = field(default_factory=dict)
    index: int = 0
    verbosity: int = 0
    log_format: str = "text"
    custom_log_dict: str | None = None
    restarts: int = 0
    warns_for_pool: bool = True
    loaders: tuple[str, ...] = ()

    @property
    def log(self) -> LogSettings:
        """The log settings of its processes."""
        return LogSettings(self.verbosity, self.log_format, self.custom_log_dict)


@dataclass(frozen=True, slots=True)
class SupervisorLimits:
    """The time limits of a supervisor and its pauses before restarts. All in seconds.

    Attributes:
        hang_timeout_s: a worker that sends nothing for this long is killed.
        start_timeout_s: the same before it is ready, since imports may take long.
        kill_after_s: a worker that must stop is killed this long after its grace period.
        dump_s: how long a hung worker has to write its stacks to stderr.
        restart_first_s: the pause before the first restart; it doubles with each further one.
        restart_longest_s: the longest pause after a worker that died before it was ready.
        restart_start_error_s: the longest pause after a worker that said why it cannot start, such as Redis being down.
        restart_worked_s: the longest pause after a worker that was ready.
        steady_s: after a worker has lived this long, the next restart is quick again.
    """

    hang_timeout_s: float = 30.0
    start_timeout_s: float = 60.0
    kill_after_s: float = 5.0
    dump_s: float = 2.0
    restart_first_s: float = 0.1
    restart_longest_s: float = 30.0
    restart_start_error_s: float = 2.0
    restart_worked_s: float = 1.0
    steady_s: float = 30.0
