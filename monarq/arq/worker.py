"""``arq.worker``: a `Worker` on monarq's core; the classes that users raise, catch and compare are arq's own.

Names that arq's module merely imports are here too, since its users import them from it.
"""

from __future__ import annotations

from typing import Any

from arq.connections import log_redis_info as log_redis_info
from arq.constants import abort_job_max_age as abort_job_max_age
from arq.constants import abort_jobs_ss as abort_jobs_ss
from arq.constants import default_queue_name as default_queue_name
from arq.constants import expires_extra_ms as expires_extra_ms
from arq.constants import health_check_key_suffix as health_check_key_suffix
from arq.constants import in_progress_key_prefix as in_progress_key_prefix
from arq.constants import job_key_prefix as job_key_prefix
from arq.constants import keep_cronjob_progress as keep_cronjob_progress
from arq.constants import result_key_prefix as result_key_prefix
from arq.constants import retry_key_prefix as retry_key_prefix
from arq.cron import CronJob as CronJob
from arq.jobs import Deserializer as Deserializer
from arq.jobs import JobResult as JobResult
from arq.jobs import SerializationError as SerializationError
from arq.jobs import Serializer as Serializer
from arq.jobs import deserialize_job_raw as deserialize_job_raw
from arq.jobs import serialize_result as serialize_result
from arq.utils import args_to_string as args_to_string
from arq.utils import import_string as import_string
from arq.utils import ms_to_datetime as ms_to_datetime
from arq.utils import poll as poll
from arq.utils import timestamp_ms as timestamp_ms
from arq.utils import to_ms as to_ms
from arq.utils import to_seconds as to_seconds
from arq.utils import to_unix_ms as to_unix_ms
from arq.utils import truncate as truncate
from arq.worker import FailedJobs as FailedJobs
from arq.worker import Function as Function
from arq.worker import JobExecutionFailed as JobExecutionFailed
from arq.worker import Retry as Retry
from arq.worker import RetryJob as RetryJob
from arq.worker import func as func
from arq.worker import logger as logger
from arq.worker import no_result as no_result

from monarq.arq.client.arq_redis import ArqRedis as ArqRedis
from monarq.arq.client.pool import create_pool as create_pool
from monarq.arq.client.redis_settings import RedisSettings as RedisSettings
from monarq.arq.lifecycle.health_check import async_check_health as async_check_health
from monarq.arq.lifecycle.health_check import check_health as check_health
from monarq.arq.lifecycle.worker import Worker as Worker
from monarq.arq.settings.fields import collect_settings


def get_kwargs(settings_cls: object) -> dict[str, Any]:
    """The settings of a class or dict, including inherited ones, as arguments of `Worker`."""
    return collect_settings(settings_cls)


def create_worker(settings_cls: object, **kwargs: Any) -> Worker:
    """Creates a worker from a settings class or dict; `kwargs` override its settings."""
    return Worker(**get_kwargs(settings_cls) | kwargs)


def run_worker(settings_cls: object, **kwargs: Any) -> Worker:
    """Runs a worker from a settings class or dict until it is stopped, and returns it."""
    worker = create_worker(settings_cls, **kwargs)
    worker.run()
    return worker
