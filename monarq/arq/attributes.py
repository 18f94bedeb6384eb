"""The attributes of arq's `Worker`: made from its arguments, and read again when it begins to run.

Programs read them, and tests set them between two runs.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Sequence
from datetime import tzinfo
from signal import Signals
from typing import Any, Final, Unpack, cast

from arq.connections import RedisSettings
from arq.constants import health_check_key_suffix
from arq.cron import CronJob
from arq.utils import to_seconds
from arq.worker import Function
from arq.worker import Worker as StockWorker

from monarq.arq.arguments import WorkerArguments
from monarq.workers.arq_given import EXTRAS
from monarq.workers.arq_settings import ArqTarget, job_name, read_arq_settings
from monarq.workers.settings import Hook

SIGNATURE: Final = inspect.signature(StockWorker)
"""What arq's worker takes, with its defaults."""

_SAME_NAMES: Final = (
    "queue_name",
    "burst",
    "on_startup",
    "on_shutdown",
    "on_job_start",
    "on_job_end",
    "after_job_end",
    "max_jobs",
    "keep_result_forever",
    "max_tries",
    "health_check_interval",
    "health_check_key",
    "retry_jobs",
    "allow_abort_jobs",
    "max_burst_jobs",
    "job_serializer",
    "job_deserializer",
    "expires_extra_ms",
    "log_results",
)
"""Arguments that are attributes of the same name."""

_IN_SECONDS: Final = {"job_timeout": "job_timeout_s", "keep_result": "keep_result_s", "poll_delay": "poll_delay_s"}


class WorkerAttributes:
    """What a worker goes by, in arq's names; see `monarq.arq.worker.Worker`."""

    queue_name: str
    burst: bool
    on_startup: Hook | None
    on_shutdown: Hook | None
    on_job_start: Hook | None
    on_job_end: Hook | None
    after_job_end: Hook | None
    max_jobs: int
    job_timeout_s: float | None
    keep_result_s: float
    keep_result_forever: bool
    poll_delay_s: float
    max_tries: int
    health_check_interval: float
    health_check_key: str
    retry_jobs: bool
    allow_abort_jobs: bool
    max_burst_jobs: int
    job_serializer: Any
    job_deserializer: Any
    expires_extra_ms: int
    log_results: bool

    def __init__(self, functions: Sequence[Any], **settings: Unpack[WorkerArguments]) -> None:
        """See `Worker`."""
        bound = SIGNATURE.bind(functions, **{name: value for name, value in settings.items() if name not in EXTRAS})
        bound.apply_defaults()
        self._arguments: dict[str, Any] = {**bound.arguments, **settings}
        self.target = target = read_arq_settings(self._arguments)
        if not target.functions:
            raise RuntimeError("at least one function or cron_job must be registered")
        for name in _SAME_NAMES:
            setattr(self, name, self._arguments[name])
        for name, attribute in _IN_SECONDS.items():
            setattr(self, attribute, to_seconds(self._arguments[name]))
        self.queue_name = target.settings.queues[0]
        self.health_check_key = target.settings.health_check_key or self.queue_name + health_check_key_suffix
        self.queue_read_limit: int = self._arguments["queue_read_limit"] or max(self.max_jobs * 5, 100)
        # Declared jobs of monarq's may be among them.
        by_name = {job_name(function): function for function in target.functions}
        self.functions = cast("dict[str, Function | CronJob]", by_name)
        self.cron_jobs: list[CronJob] = target.cron_jobs
        limits_s = [getattr(function, "timeout_s", None) or self.job_timeout_s or 0 for function in by_name.values()]
        self.in_progress_timeout_s = max(limits_s) + 10
        self.timezone: tzinfo = target.zone
        self.ctx = target.ctx
        self.redis_settings: RedisSettings | None = None if target.redis_pool else target.redis_settings
        self.loop = _current_loop()
        self.main_task: asyncio.Task[None] | None = None
        self.on_stop: Callable[[Signals], None] | None = None

    def read_again(self) -> ArqTarget:
        """The settings as the attributes say now.

        Raises:
            SettingsError: an attribute was given a value that it cannot have.
        """
        now = {name: getattr(self, name) for name in _SAME_NAMES}
        now |= {name: getattr(self, attribute) for name, attribute in _IN_SECONDS.items()}
        return read_arq_settings(self._arguments | now | {"timezone": self.timezone})


def _current_loop() -> asyncio.AbstractEventLoop:
    """The loop of this thread, as arq takes it: the user may have prepared things on it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return asyncio.get_event_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        return loop
