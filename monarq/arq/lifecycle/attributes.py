"""The attributes of arq's `Worker`: set from its arguments, and read back as settings each time it starts to run.

Programs read them, and tests set them between runs.
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
"""The arguments of arq's worker, with their defaults."""

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


def bind_arguments(functions: Iterable[Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all arguments of a worker, with arq's defaults; iterators are made into lists.

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
    """Returns the arguments as arq's own worker takes them, which knows no jobs declared by monarq."""
    stock = {name: value for name, value in arguments.items() if name not in EXTRAS}
    functions = [_as_function(given) for given in target.functions if not isinstance(given, CronJob)]
    # arq's worker takes the maximum of all timeouts, which None does not have.
    timeout = arguments["job_timeout"] or 0
    return stock | {"functions": functions, "cron_jobs": target.cron_jobs, "job_timeout": timeout, "ctx": target.ctx}


def read_attributes(worker: StockWorker, arguments: Mapping[str, Any]) -> ArqTarget:
    """Returns the settings by the worker's present attributes.

    Raises:
        SettingsError: an attribute has an invalid value.
    """
    now = {name: getattr(worker, name) for name in _SAME_NAMES}
    now |= {name: getattr(worker, attribute) for name, attribute in _IN_SECONDS.items()}
    functions = [with_name(name, given) for name, given in worker.functions.items() if not isinstance(given, CronJob)]
    return read_arq_settings({**arguments, **now, "functions": functions})


def with_name(name: str, given: Any) -> Function | Job[..., Any]:
    """The function under the name that the worker has for it."""
    if isinstance(given, Job):
        return given
    function: Function = func(given)
    if function.name == name:
        return function
    return Function(**{**vars(function), "name": name})  # its own attributes, whatever an instrumentation shows instead


def _as_function(given: Any) -> Function:
    if isinstance(given, Job):
        return Function(given.name, given.function, None, None, None, None)
    function: Function = given
    return function
