"""The arguments of arq's `Worker` besides its functions, typed for type checkers; the defaults are arq's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, TypedDict

from arq.connections import ArqRedis, RedisSettings
from arq.cron import CronJob
from arq.jobs import Deserializer, Serializer
from arq.typing import SecondsTimedelta

from monarq.shared.queue import Queue
from monarq.workers.config.settings import Hook
from monarq.workers.events.listener import Listener


class MonarqArguments(TypedDict, total=False):
    """Further arguments of monarq's: see `monarq.workers.config.settings.WorkerSettings`."""

    cpu_jobs_per_child: int
    cpu_memory_bytes: int | None
    keep_dead_s: float
    lease_s: float
    listeners: Sequence[Listener]
    max_crashes: int
    max_dead: int
    max_error_text: int
    max_payload: int
    max_result: int
    queues: Sequence[str | Queue]
    signing_key: str | None
    threads: int


class WorkerArguments(MonarqArguments, total=False):
    """The arguments of arq 0.28."""

    queue_name: str | None
    cron_jobs: Sequence[CronJob] | None
    redis_settings: RedisSettings | None
    redis_pool: ArqRedis | None
    burst: bool
    on_startup: Hook | None
    on_shutdown: Hook | None
    on_job_start: Hook | None
    on_job_end: Hook | None
    after_job_end: Hook | None
    handle_signals: bool
    job_completion_wait: SecondsTimedelta
    max_jobs: int
    job_timeout: SecondsTimedelta | None
    keep_result: SecondsTimedelta
    keep_result_forever: bool
    poll_delay: SecondsTimedelta
    queue_read_limit: int | None
    max_tries: int
    health_check_interval: SecondsTimedelta
    health_check_key: str | None
    ctx: dict[Any, Any] | None
    retry_jobs: bool
    allow_abort_jobs: bool
    max_burst_jobs: int
    job_serializer: Serializer | None
    job_deserializer: Deserializer | None
    expires_extra_ms: int
    timezone: tzinfo | None
    log_results: bool
