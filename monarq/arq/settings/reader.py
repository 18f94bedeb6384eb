"""The reader of arq's settings: turns a class such as arq's `WorkerSettings`, a dict, object or module into monarq's.

Which fields there are is in `monarq.arq.settings.fields`.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final

from arq.connections import ArqRedis, RedisSettings
from arq.constants import default_queue_name
from arq.cron import CronJob
from arq.utils import import_string
from arq.worker import Function, func

from monarq.arq.client.codecs import arq_codecs
from monarq.arq.runs.functions import ArqFunction, as_job
from monarq.arq.runs.log import warn_namesakes
from monarq.arq.runs.policies import ArqOutcomes, ArqRejections, describe_run
from monarq.arq.settings.connection import SettingsSource
from monarq.arq.settings.crons import arq_entries, local_zone
from monarq.arq.settings.fields import ARQ_NAMES, DEFAULTS, EXTRAS, collect_settings, suggest
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.job import Job
from monarq.shared.parsing import to_seconds
from monarq.shared.payloads.signing import find_signer
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import checked_ref
from monarq.shared.redis.connection import SOCKET_TIMEOUT_S, RedisSource
from monarq.shared.redis.pool_source import PoolSource
from monarq.workers.config.importer import describe_error, source_location
from monarq.workers.config.settings import Hook, Hooks, WorkerSettings
from monarq.workers.cron.entry import CronEntry

_SHORTEST_POLL_S: Final = 0.01
_LONGEST_POLL_S: Final = 0.8 * SOCKET_TIMEOUT_S
_SHORTEST_HEALTH_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class ArqTarget:
    """arq's settings, read.

    Attributes:
        settings: the worker's settings.
        functions: the given jobs, including cron jobs.
        cron_jobs: arq's cron jobs.
        crons: the same for `CronScheduler`.
        source: creates the worker's own Redis connections.
        ctx: the user's dict for hooks and jobs; ``redis`` is added when the worker starts.
        zone: the time zone of the cron jobs.
        redis_pool: the user's client for ``ctx["redis"]``; None to create one.
        redis_settings: the settings to create it from.
        job_serializer: the user's format, also for payloads that jobs enqueue; None for pickle.
        job_deserializer: the same, for reading.
        expires_extra_ms: how many ms after it is due a job enqueued by a job or cron may still be started.
        handle_signals: whether `monarq.arq.Worker` handles SIGINT and SIGTERM.
        log_results: whether the results of jobs are logged.
        health_check_key: the health-check key; None names it after the queue.
        health_check_s: how often it is written.
        names_redis: whether the settings name a Redis; if not, arq uses the one on localhost.
        given: arq's names of the settings that are set.
    """

    settings: WorkerSettings
    functions: list[object]
    cron_jobs: list[CronJob]
    crons: list[CronEntry]
    source: RedisSource
    ctx: dict[Any, Any]
    zone: tzinfo
    redis_pool: ArqRedis | None = field(repr=False)
    redis_settings: RedisSettings = field(repr=False)
    job_serializer: Any
    job_deserializer: Any
    expires_extra_ms: int
    handle_signals: bool
    log_results: bool
    health_check_key: str | None
    health_check_s: float
    names_redis: bool
    given: frozenset[str] = frozenset()

    def leaves_open(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of these values of monarq's settings, by attribute, that arq's settings do not set."""
        return {name: value for name, value in values.items() if self.given.isdisjoint(ARQ_NAMES.get(name, (name,)))}

    @property
    def jobs(self) -> list[Job[..., Any] | ArqFunction]:
        """The functions, for `monarq.workers.jobs.registry.register`."""
        return [as_job(function) for function in self.functions]

    @property
    def names(self) -> list[str]:
        """The names of the jobs, in the order in which they were declared."""
        return list(dict.fromkeys(job_name(function) for function in self.functions))


def read_arq_settings(target: object, **overrides: Any) -> ArqTarget:
    """Reads arq's settings.

    ``poll_delay`` is limited to 4 s, since monarq's producers wake idle workers anyway. ``queue_read_limit`` has no
    effect: a worker claims as many jobs in one call as it has free slots.

    Args:
        target: the settings class or dict, or an object or a module that has them as attributes.
        overrides: settings by arq's names, which replace those of the target.

    Raises:
        SettingsError: a setting has an invalid value or an unknown name; the message names it.
    """
    for name in overrides:
        if name not in DEFAULTS and name not in EXTRAS:
            raise SettingsError(f"arq has no setting {name!r}{suggest(name)}")
    given = collect_settings(target) | overrides
    values = _Values({**DEFAULTS, "functions": (), **given})
    pool: ArqRedis | None = values.kind("redis_pool", ArqRedis, or_none=True)
    settings = values.kind("redis_settings", object, or_none=True) or RedisSettings()
    cron_jobs = _read_cron_jobs(values["cron_jobs"])
    zone = values.kind("timezone", tzinfo, or_none=True) or local_zone()
    return ArqTarget(
        settings=_worker_settings(values, pool),
        functions=[*_read_functions(values["functions"]), *cron_jobs],
        cron_jobs=cron_jobs,
        crons=arq_entries(cron_jobs, zone),
        source=SettingsSource(settings) if pool is None else PoolSource(pool.connection_pool),
        ctx=values.mapping("ctx"),
        zone=zone,
        redis_pool=pool,
        redis_settings=settings,
        job_serializer=values["job_serializer"],
        job_deserializer=values["job_deserializer"],
        expires_extra_ms=values.number("expires_extra_ms", 1),
        handle_signals=bool(values["handle_signals"]),
        log_results=bool(values["log_results"]),
        health_check_key=values.kind("health_check_key", str, or_none=True),
        health_check_s=max(_SHORTEST_HEALTH_S, values.seconds("health_check_interval")),
        names_redis=bool(given.get("redis_settings") or given.get("redis_pool")),
        given=frozenset(given),
    )


class FunctionError(SettingsError, RuntimeError, ImportError):
    """An item of the functions or cron jobs is not one; also the RuntimeError or ImportError that arq raises."""


def job_name(function: object) -> str:
    """The name by which a job is enqueued."""
    return str(getattr(function, "name", None) or getattr(function, "__qualname__", function))


class _Values(dict[str, Any]):
    """Settings by arq's names; each method reads one, or raises a SettingsError that names it."""

    def seconds(self, name: str) -> float:
        """A duration in seconds, which must be set."""
        if self[name] is None:
            raise SettingsError(f"{name} is None: give seconds or a timedelta")
        seconds: float = to_seconds(self[name], name)
        return seconds

    def number(self, name: str, least: int | None = None) -> int:
        """A whole number."""
        number = _whole(self[name])
        if number is None:
            raise SettingsError(f"{name} is {self[name]!r}: give a whole number")
        if least is not None and number < least:
            raise SettingsError(f"{name} is {self[name]}: it must be {least} or more")
        return number

    def mapping(self, name: str) -> Any:
        """A dict, or an object that can be used like one."""
        value = self[name]
        if value is None:
            return {}
        if all(hasattr(value, method) for method in ("keys", "__getitem__", "__setitem__")):
            return value
        raise SettingsError(f"{name} is {value!r}: give a dict")

    def kind(self, name: str, kind: type, *, or_none: bool = False) -> Any:
        """A value of this class."""
        value = self[name]
        if isinstance(value, kind) or (or_none and value is None):
            return value
        raise SettingsError(f"{name} is {value!r}: give {_article(kind.__name__)}")

    def hook(self, name: str) -> Hook | None:
        """An async function, or None."""
        value: Hook | None = self[name]
        if value is not None and not callable(value):
            raise SettingsError(f"{name} is {value!r}: give an async function that takes ctx")
        return value


def _worker_settings(values: _Values, pool: ArqRedis | None) -> WorkerSettings:
    return WorkerSettings(
        queues=(QueueRef(_queue_name(values, pool), "arq"), *_more_queues(values.get("queues", ()))),
        concurrency=values.number("max_jobs", 1),
        timeout_s=_timeout_s(values),
        max_tries=_max_tries(values),
        keep_result_s=math.inf if values["keep_result_forever"] else values.seconds("keep_result"),
        poll_s=min(_LONGEST_POLL_S, max(_SHORTEST_POLL_S, values.seconds("poll_delay"))),
        grace_s=values.seconds("job_completion_wait"),
        codecs=arq_codecs(values["job_serializer"], values["job_deserializer"], find_signer(values.get("signing_key"))),
        allow_cancel=bool(values["allow_abort_jobs"]),
        burst=bool(values["burst"]),
        max_burst_jobs=values.number("max_burst_jobs"),
        hooks=_hooks(values),
        outcomes=ArqOutcomes(retry_jobs=bool(values["retry_jobs"])),
        rejections=ArqRejections(),
        any_queue_name=True,
        one_process=True,
        **{name: values[name] for name in EXTRAS - {"signing_key", "queues"} if name in values},
    )


def _queue_name(values: _Values, pool: ArqRedis | None) -> str:
    name = values["queue_name"]
    if name is None and pool is None:
        raise SettingsError(
            "If queue_name is absent, redis_pool must be present. queue_name is None: name the queue, or give a"
            " redis_pool that has a default_queue_name"
        )
    if name is None and pool is not None:
        name = pool.default_queue_name or default_queue_name
    if not isinstance(name, str) or not name:
        raise SettingsError(f"queue_name is {name!r}: give the queue's name")
    return name


def _more_queues(given: Any) -> list[QueueRef]:
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise SettingsError(f"queues is {given!r}: give a list of the queues that are served beside queue_name")
    return [checked_ref(queue, "queues") for queue in given]


def arq_queue_of(settings: WorkerSettings) -> QueueRef:
    """The queue for things that need exactly one queue in arq, such as cron jobs and the health check.

    It is the first one in arq's format, else the first one.
    """
    return next((queue for queue in settings.queues if queue.format == "arq"), settings.queues[0])


def _max_tries(values: _Values) -> int | None:
    """The default of arq is also monarq's, unless it would limit the retries that a monarq job declares."""
    number = values.number("max_tries", 1)
    return None if number == DEFAULTS["max_tries"] else number


def _timeout_s(values: _Values) -> float:
    if values["job_timeout"] is None:
        return 0.0
    timeout_s = values.seconds("job_timeout")
    if timeout_s == 0:
        raise SettingsError("job_timeout is 0: every job would be cancelled at once; None sets no limit")
    return timeout_s


def _hooks(values: _Values) -> Hooks:
    return Hooks(
        describe=describe_run,
        startup=values.hook("on_startup"),
        shutdown=values.hook("on_shutdown"),
        job_start=values.hook("on_job_start"),
        job_end=values.hook("on_job_end"),
        after_job_end=values.hook("after_job_end"),
    )


def _read_functions(given: Any) -> list[object]:
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise SettingsError(f"functions is {given!r}: give a list of functions")
    functions: list[object] = [_read_function(function) for function in given]
    by_name: dict[str, object] = {}
    for function in functions:
        name, code = job_name(function), getattr(function, "coroutine", function)
        if by_name.setdefault(name, code) is not code:
            warn_namesakes(name)
    return functions


def _read_function(given: Any) -> Function | Job[..., Any]:
    try:
        function = import_string(given) if isinstance(given, str) else given
        if isinstance(function, Job):
            return function
        return func(function, name=given if isinstance(given, str) else None)
    except (ImportError, RuntimeError, AttributeError) as error:
        raise FunctionError(f"functions: {given!r} is not a job: {error}{source_location(error)}") from error
    except (Exception, SystemExit) as error:
        raise FunctionError(
            f"functions: {given!r} cannot be imported: {describe_error(error)}{source_location(error)}"
        ) from error


def _read_cron_jobs(given: Any) -> list[CronJob]:
    jobs = list(given or ())
    for job in jobs:
        if not isinstance(job, CronJob):
            raise FunctionError(f"cron_jobs, must be instances of CronJob: make them by cron(), {job!r} is none")
    return jobs


def _whole(value: Any) -> int | None:
    """The value as an int, if it is a whole number of any type, such as 10.0; infinity is the largest int in use."""
    if isinstance(value, float) and value == math.inf:
        return sys.maxsize
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    return operator.index(value)


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"
