"""The attributes of arq's `Worker` as settings: made from its arguments, and read again when it begins to run.

Programs read them, and tests set them between two runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

from arq.cron import CronJob
from arq.worker import Function, func
from arq.worker import Worker as StockWorker

from monarq.arq.settings.fields import EXTRAS
from monarq.arq.settings.reader import ArqTarget, read_arq_settings
from monarq.shared.jobs.job import Job

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
    "timezone",
    "cron_jobs",
)
"""Arguments that are attributes of the same name."""

_IN_SECONDS: Final = {"job_timeout": "job_timeout_s", "keep_result": "keep_result_s", "poll_delay": "poll_delay_s"}


def given_arguments(functions: Iterable[Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a worker, with arq's defaults; what can be read only once is read here.

    Raises:
        TypeError: there is no such argument.
    """
    bound = SIGNATURE.bind(functions, **{name: value for name, value in settings.items() if name not in EXTRAS})
    bound.apply_defaults()
    arguments: dict[str, Any] = {**bound.arguments, **settings}
    for name in ("functions", "cron_jobs"):
        if hasattr(arguments[name], "__next__"):
            arguments[name] = list(arguments[name])
    return arguments


def stock_arguments(arguments: Mapping[str, Any], target: ArqTarget) -> dict[str, Any]:
    """The same as arq's own worker takes them, which knows no declared jobs of monarq's."""
    stock = {name: value for name, value in arguments.items() if name not in EXTRAS}
    functions = [_as_function(given) for given in target.functions if not isinstance(given, CronJob)]
    # Of functions without a timeout it cannot find the longest.
    timeout = arguments["job_timeout"] or 0
    return stock | {"functions": functions, "cron_jobs": target.cron_jobs, "job_timeout": timeout, "ctx": target.ctx}


def settings_now(worker: StockWorker, arguments: Mapping[str, Any]) -> ArqTarget:
    """The settings as the worker's attributes say now.

    Raises:
        SettingsError: an attribute was given a value that it cannot have.
    """
    now = {name: getattr(worker, name) for name in _SAME_NAMES}
    now |= {name: getattr(worker, attribute) for name, attribute in _IN_SECONDS.items()}
    functions = [named(name, given) for name, given in worker.functions.items() if not isinstance(given, CronJob)]
    return read_arq_settings({**arguments, **now, "functions": functions})


def named(name: str, given: Any) -> Function | Job[..., Any]:
    """A function under the name by which the worker is to know it."""
    if isinstance(given, Job):
        return given
    function: Function = func(given)
    if function.name == name:
        return function
    return Function(**{**vars(function), "name": name})  # as it was given, whatever an instrumentation shows instead


def _as_function(given: Any) -> Function:
    if isinstance(given, Job):
        return Function(given.name, given.function, None, None, None, None)
    function: Function = given
    return function
