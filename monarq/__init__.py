"""monarq: a distributed worker queue on Redis, with supervised uvloop workers, in arq's data format.

The public names, loaded when they are first used: the process of the cpu lane imports little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monarq.producer import Handle as Handle
    from monarq.producer import JobStatus as JobStatus
    from monarq.producer import Producer as Producer
    from monarq.producer import SyncProducer as SyncProducer
    from monarq.producer import named as named
    from monarq.producer.errors import PartlyEnqueuedError as PartlyEnqueuedError
    from monarq.producer.errors import RedisRefusedError as RedisRefusedError
    from monarq.shared.context import Context as Context
    from monarq.shared.declare import job as job
    from monarq.shared.errors import EnqueueUnknownError as EnqueueUnknownError
    from monarq.shared.errors import JobAbortedError as JobAbortedError
    from monarq.shared.errors import JobDeadError as JobDeadError
    from monarq.shared.errors import JobFailedError as JobFailedError
    from monarq.shared.errors import MonarqError as MonarqError
    from monarq.shared.errors import RedisUnavailableError as RedisUnavailableError
    from monarq.shared.errors import ResultNotFoundError as ResultNotFoundError
    from monarq.shared.errors import ResultTimeoutError as ResultTimeoutError
    from monarq.shared.job import Job as Job
    from monarq.shared.lane import Lane as Lane
    from monarq.shared.progress import Progress as Progress
    from monarq.shared.retry import Retry as Retry
    from monarq.shared.schedule import cron as cron
    from monarq.workers.journal import Listener as Listener
    from monarq.workers.log_fields import JobLogFilter as JobLogFilter
    from monarq.workers.run import Run as Run

_HOMES = {
    "Handle": "monarq.producer",
    "JobStatus": "monarq.producer",
    "Producer": "monarq.producer",
    "SyncProducer": "monarq.producer",
    "named": "monarq.producer",
    "PartlyEnqueuedError": "monarq.producer.errors",
    "RedisRefusedError": "monarq.producer.errors",
    "Context": "monarq.shared.context",
    "job": "monarq.shared.declare",
    "EnqueueUnknownError": "monarq.shared.errors",
    "JobAbortedError": "monarq.shared.errors",
    "JobDeadError": "monarq.shared.errors",
    "JobFailedError": "monarq.shared.errors",
    "MonarqError": "monarq.shared.errors",
    "RedisUnavailableError": "monarq.shared.errors",
    "ResultNotFoundError": "monarq.shared.errors",
    "ResultTimeoutError": "monarq.shared.errors",
    "Job": "monarq.shared.job",
    "Lane": "monarq.shared.lane",
    "Progress": "monarq.shared.progress",
    "Retry": "monarq.shared.retry",
    "cron": "monarq.shared.schedule",
    "Listener": "monarq.workers.journal",
    "JobLogFilter": "monarq.workers.log_fields",
    "Run": "monarq.workers.run",
    "__version__": "monarq.shared.version",
}

__all__ = [
    "Context",
    "EnqueueUnknownError",
    "Handle",
    "Job",
    "JobAbortedError",
    "JobDeadError",
    "JobFailedError",
    "JobLogFilter",
    "JobStatus",
    "Lane",
    "Listener",
    "MonarqError",
    "PartlyEnqueuedError",
    "Producer",
    "Progress",
    "RedisRefusedError",
    "RedisUnavailableError",
    "ResultNotFoundError",
    "ResultTimeoutError",
    "Retry",
    "Run",
    "SyncProducer",
    "cron",
    "job",
    "named",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'monarq' has no attribute {name!r}")
    value = getattr(import_module(home), "VERSION" if name == "__version__" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
