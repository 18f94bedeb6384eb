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
    from monarq.producer import named
    from monarq.shared.calls.context import Context as Context
    from monarq.shared.errors import EnqueueUnknownError as EnqueueUnknownError
    from monarq.shared.errors import JobAbortedError as JobAbortedError
    from monarq.shared.errors import JobDeadError as JobDeadError
    from monarq.shared.errors import JobFailedError as JobFailedError
    from monarq.shared.errors import MonarqError as MonarqError
    from monarq.shared.errors import PartlyEnqueuedError as PartlyEnqueuedError
    from monarq.shared.errors import RedisRefusedError as RedisRefusedError
    from monarq.shared.errors import RedisUnavailableError as RedisUnavailableError
    from monarq.shared.errors import ResultNotFoundError as ResultNotFoundError
    from monarq.shared.errors import ResultTimeoutError as ResultTimeoutError
    from monarq.shared.jobs.cron_declaration import cron as cron
    from monarq.shared.jobs.decorators import job as job
    from monarq.shared.jobs.job import Job as Job
    from monarq.shared.jobs.retry import Retry as Retry
    from monarq.shared.lane import Lane as Lane
    from monarq.shared.payloads.progress import Progress as Progress
    from monarq.workers.events.dispatcher import Listener as Listener
    from monarq.workers.reporting.log_fields import JobLogFilter as JobLogFilter
    from monarq.workers.runs.run import Run as Run

_HOMES = {
    "Handle": "monarq.producer",
    "JobStatus": "monarq.producer",
    "Producer": "monarq.producer",
    "SyncProducer": "monarq.producer",
    "named": "monarq.producer",
    "PartlyEnqueuedError": "monarq.shared.errors",
    "RedisRefusedError": "monarq.shared.errors",
    "Context": "monarq.shared.calls.context",
    "job": "monarq.shared.jobs.decorators",
    "EnqueueUnknownError": "monarq.shared.errors",
    "JobAbortedError": "monarq.shared.errors",
    "JobDeadError": "monarq.shared.errors",
    "JobFailedError": "monarq.shared.errors",
    "MonarqError": "monarq.shared.errors",
    "RedisUnavailableError": "monarq.shared.errors",
    "ResultNotFoundError": "monarq.shared.errors",
    "ResultTimeoutError": "monarq.shared.errors",
    "Job": "monarq.shared.jobs.job",
    "Lane": "monarq.shared.lane",
    "Progress": "monarq.shared.payloads.progress",
    "Retry": "monarq.shared.jobs.retry",
    "cron": "monarq.shared.jobs.cron_declaration",
    "Listener": "monarq.workers.events.dispatcher",
    "JobLogFilter": "monarq.workers.reporting.log_fields",
    "Run": "monarq.workers.runs.run",
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
