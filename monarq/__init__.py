"""monarq: a distributed worker queue on Redis, with supervised uvloop workers, in arq's data format.

Public names are loaded when they are first used, so that the process of the cpu lane imports little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monarq.app.app import App as App
    from monarq.producer import Handle as Handle
    from monarq.producer import JobInfo as JobInfo
    from monarq.producer import JobState as JobState
    from monarq.producer import Producer as Producer
    from monarq.producer import SyncHandle as SyncHandle
    from monarq.producer import SyncProducer as SyncProducer
    from monarq.producer import named
    from monarq.shared.calls.context import Context as Context
    from monarq.shared.calls.context import SyncContext as SyncContext
    from monarq.shared.calls.resource import Resource as Resource
    from monarq.shared.calls.run import Run as Run
    from monarq.shared.conversion.registered import register_type as register_type
    from monarq.shared.errors import ArgumentsError as ArgumentsError
    from monarq.shared.errors import DeclarationError as DeclarationError
    from monarq.shared.errors import EnqueueUnknownError as EnqueueUnknownError
    from monarq.shared.errors import JobCancelledError as JobCancelledError
    from monarq.shared.errors import JobDeadError as JobDeadError
    from monarq.shared.errors import JobError as JobError
    from monarq.shared.errors import JobFailedError as JobFailedError
    from monarq.shared.errors import MonarqError as MonarqError
    from monarq.shared.errors import MoveRefusedError as MoveRefusedError
    from monarq.shared.errors import PartlyEnqueuedError as PartlyEnqueuedError
    from monarq.shared.errors import PayloadError as PayloadError
    from monarq.shared.errors import PayloadTooLargeError as PayloadTooLargeError
    from monarq.shared.errors import ProducerClosedError as ProducerClosedError
    from monarq.shared.errors import ProducerMisusedError as ProducerMisusedError
    from monarq.shared.errors import RedisRefusedError as RedisRefusedError
    from monarq.shared.errors import RedisUnavailableError as RedisUnavailableError
    from monarq.shared.errors import ResourceError as ResourceError
    from monarq.shared.errors import ResultNotFoundError as ResultNotFoundError
    from monarq.shared.errors import ResultTimeoutError as ResultTimeoutError
    from monarq.shared.errors import ResultTooLargeError as ResultTooLargeError
    from monarq.shared.errors import ResultTypeError as ResultTypeError
    from monarq.shared.errors import SettingsError as SettingsError
    from monarq.shared.errors import TargetError as TargetError
    from monarq.shared.errors import UnsupportedError as UnsupportedError
    from monarq.shared.jobs.cron_declaration import Cron as Cron
    from monarq.shared.jobs.cron_declaration import cron as cron
    from monarq.shared.jobs.decorators import job as job
    from monarq.shared.jobs.job import BoundJob as BoundJob
    from monarq.shared.jobs.job import Job as Job
    from monarq.shared.jobs.middleware import Middleware as Middleware
    from monarq.shared.jobs.middleware import Outgoing as Outgoing
    from monarq.shared.jobs.middleware import RunNext as RunNext
    from monarq.shared.jobs.middleware import SendNext as SendNext
    from monarq.shared.jobs.retry_exception import Retry as Retry
    from monarq.shared.lane import Lane as Lane
    from monarq.shared.options.retry import Delays as Delays
    from monarq.shared.options.retry import Exponential as Exponential
    from monarq.shared.options.retry import Fixed as Fixed
    from monarq.shared.options.retry import Linear as Linear
    from monarq.shared.parsing import Duration as Duration
    from monarq.shared.payloads.progress import Progress as Progress
    from monarq.shared.queue import Queue as Queue
    from monarq.shared.settings.defaults import Defaults as Defaults
    from monarq.workers.config.app_parts import WorkerInfo as WorkerInfo
    from monarq.workers.events.listener import Listener as Listener
    from monarq.workers.reporting.log_fields import JobLogFilter as JobLogFilter
    from monarq.workers.runs.current_context import current_context as current_context

_MODULES = {
    "App": "monarq.app.app",
    "Middleware": "monarq.shared.jobs.middleware",
    "Outgoing": "monarq.shared.jobs.middleware",
    "RunNext": "monarq.shared.jobs.middleware",
    "SendNext": "monarq.shared.jobs.middleware",
    "Resource": "monarq.shared.calls.resource",
    "ResourceError": "monarq.shared.errors",
    "WorkerInfo": "monarq.workers.config.app_parts",
    "Handle": "monarq.producer",
    "JobInfo": "monarq.producer",
    "JobState": "monarq.producer",
    "Producer": "monarq.producer",
    "SyncHandle": "monarq.producer",
    "SyncProducer": "monarq.producer",
    "named": "monarq.producer",
    "ArgumentsError": "monarq.shared.errors",
    "BoundJob": "monarq.shared.jobs.job",
    "Context": "monarq.shared.calls.context",
    "SyncContext": "monarq.shared.calls.context",
    "current_context": "monarq.workers.runs.current_context",
    "job": "monarq.shared.jobs.decorators",
    "ResultTypeError": "monarq.shared.errors",
    "register_type": "monarq.shared.conversion.registered",
    "Job": "monarq.shared.jobs.job",
    "Duration": "monarq.shared.parsing",
    "Lane": "monarq.shared.lane",
    "Defaults": "monarq.shared.settings.defaults",
    "Delays": "monarq.shared.options.retry",
    "Exponential": "monarq.shared.options.retry",
    "Fixed": "monarq.shared.options.retry",
    "Linear": "monarq.shared.options.retry",
    "Progress": "monarq.shared.payloads.progress",
    "Queue": "monarq.shared.queue",
    "Retry": "monarq.shared.jobs.retry_exception",
    "DeclarationError": "monarq.shared.errors",
    "EnqueueUnknownError": "monarq.shared.errors",
    "JobCancelledError": "monarq.shared.errors",
    "JobDeadError": "monarq.shared.errors",
    "JobError": "monarq.shared.errors",
    "JobFailedError": "monarq.shared.errors",
    "MonarqError": "monarq.shared.errors",
    "MoveRefusedError": "monarq.shared.errors",
    "PartlyEnqueuedError": "monarq.shared.errors",
    "PayloadError": "monarq.shared.errors",
    "PayloadTooLargeError": "monarq.shared.errors",
    "ProducerClosedError": "monarq.shared.errors",
    "ProducerMisusedError": "monarq.shared.errors",
    "RedisRefusedError": "monarq.shared.errors",
    "RedisUnavailableError": "monarq.shared.errors",
    "ResultNotFoundError": "monarq.shared.errors",
    "ResultTimeoutError": "monarq.shared.errors",
    "ResultTooLargeError": "monarq.shared.errors",
    "SettingsError": "monarq.shared.errors",
    "TargetError": "monarq.shared.errors",
    "UnsupportedError": "monarq.shared.errors",
    "Cron": "monarq.shared.jobs.cron_declaration",
    "cron": "monarq.shared.jobs.cron_declaration",
    "Listener": "monarq.workers.events.listener",
    "JobLogFilter": "monarq.workers.reporting.log_fields",
    "Run": "monarq.shared.calls.run",
    "__version__": "monarq.shared.version",
}

__all__ = [
    "App",
    "ArgumentsError",
    "BoundJob",
    "Context",
    "Cron",
    "DeclarationError",
    "Defaults",
    "Delays",
    "Duration",
    "EnqueueUnknownError",
    "Exponential",
    "Fixed",
    "Handle",
    "Job",
    "JobCancelledError",
    "JobDeadError",
    "JobError",
    "JobFailedError",
    "JobInfo",
    "JobLogFilter",
    "JobState",
    "Lane",
    "Linear",
    "Listener",
    "Middleware",
    "MonarqError",
    "MoveRefusedError",
    "Outgoing",
    "PartlyEnqueuedError",
    "PayloadError",
    "PayloadTooLargeError",
    "Producer",
    "ProducerClosedError",
    "ProducerMisusedError",
    "Progress",
    "Queue",
    "RedisRefusedError",
    "RedisUnavailableError",
    "Resource",
    "ResourceError",
    "ResultNotFoundError",
    "ResultTimeoutError",
    "ResultTooLargeError",
    "ResultTypeError",
    "Retry",
    "Run",
    "RunNext",
    "SendNext",
    "SettingsError",
    "SyncContext",
    "SyncHandle",
    "SyncProducer",
    "TargetError",
    "UnsupportedError",
    "WorkerInfo",
    "cron",
    "current_context",
    "job",
    "named",
    "register_type",
]


def _check_links() -> None:
    """Raises an ImportError if the folders that are symbolic links in the sources are missing.

    A git checkout with core.symlinks=false, or a zip file unpacked on Windows, has text files in their place.
    """
    from os.path import isdir  # pathlib is slow to import

    folder = __path__[0]
    if isdir(f"{folder}/shared"):  # noqa: PTH112
        return
    from importlib.util import find_spec

    if find_spec("monarq.shared") is None:  # a zip file on sys.path is not a folder, but is complete
        links = " ".join(f"monarq/{name}" for name in ("examples", "monitor", "producer", "shared", "workers"))
        raise ImportError(
            f"there is no folder 'shared' in {folder}: this copy of monarq has no symbolic links. In a git checkout,"
            f" restore them with: git config core.symlinks true && git checkout -- {links} (on Windows, with developer"
            " mode on). Instead of an unpacked zip file, use a git clone or a released package."
        )


_check_links()


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'monarq' has no attribute {name!r}")
    value = getattr(import_module(module), "VERSION" if name == "__version__" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
