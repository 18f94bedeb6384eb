"""Loads the target of a worker by its dotted path, and creates a worker from it.

``app.jobs`` is a module with ``@job`` functions, and perhaps crons and listeners. Targets of other kinds, such as arq's
settings classes, are loaded by the `TargetLoader`s that the caller passes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from monarq.shared.errors import SettingsError, TargetError
from monarq.shared.jobs.cron_declaration import Cron
from monarq.shared.jobs.job import Job, declared_options
from monarq.shared.options.run_options import RunOptions
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.signing import find_signer
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, Format, QueueRef
from monarq.shared.queue import check_ref, to_ref
from monarq.shared.redis.connection import RedisSource, UrlSource, redis_url
from monarq.shared.settings.lookup import chosen
from monarq.workers.config.importer import import_object
from monarq.workers.config.module_defaults import ModuleDefaults
from monarq.workers.config.settings import WorkerSettings, add_queue_options, add_shards
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.events.listener import Listener
from monarq.workers.process.lifecycle import BackgroundTask
from monarq.workers.reporting.log_setup import enable_own_loggers
from monarq.workers.reporting.worker_log import (
    warn_never_retried,
    warn_unserved_own_queues,
    warn_unserved_queues,
    worker_log,
)

if TYPE_CHECKING:
    from monarq.workers.process.worker import Worker
    from monarq.workers.runs.registered_job import RegisteredJob

T = TypeVar("T")

NOTHING: Final[Mapping[str, Any]] = {}

_QUEUE_OPTIONS: Final[Mapping[Format, str]] = {"native": "--queue", "arq": "--arq-queue"}


@dataclass(frozen=True, slots=True)
class LoadedTarget:
    """A loaded target, from which a worker is created.

    Attributes:
        functions: the jobs.
        settings: the worker's settings.
        source: creates Redis connections.
        events: the dispatcher, with the target's listeners.
        background: tasks that run alongside the jobs.
        ctx: the dict for hooks and arq's jobs.
        own_queues: the queues that the target itself names, whatever the command line says.
    """

    functions: Sequence[object]
    settings: WorkerSettings
    source: RedisSource
    events: Dispatcher
    background: list[BackgroundTask] = field(default_factory=list)
    ctx: dict[Any, Any] = field(default_factory=dict)
    own_queues: Sequence[QueueRef] = ()

    def unserved_jobs(self) -> dict[QueueRef, list[str]]:
        """The names of its jobs that are declared for queues that its worker does not serve, by queue."""
        found: dict[QueueRef, list[str]] = {}
        for job in self.functions:
            queue = declared_options(job).queue_ref if isinstance(job, Job) else None
            if isinstance(job, Job) and queue is not None and queue not in self.settings.queues:
                found.setdefault(queue, []).append(job.name)
        return found

    def _declared_shards(self) -> dict[str, int]:
        """The numbers of shards of its queues, as far as settings and jobs declare them."""
        jobs = [declared_options(job) for job in self.functions if isinstance(job, Job)]
        served = {queue.name for queue in self.settings.queues if queue.format == "native"}
        numbers = add_shards(
            self.settings.shards, ((job.queue_ref.name, job.shards) for job in jobs if job.queue_ref is not None)
        )
        return {name: shards for name, shards in numbers.items() if name in served}

    def _declared_queue_options(self) -> dict[QueueRef, RunOptions]:
        """The options of queues for the runs of their jobs, as far as settings and jobs declare them."""
        jobs = [declared_options(job) for job in self.functions if isinstance(job, Job)]
        return add_queue_options(
            self.settings.queue_options,
            ((job.queue_ref, job.queue_options) for job in jobs if job.queue_ref is not None),
        )

    def worker(self, *, warns: bool = False) -> Worker:
        """Creates the worker.

        Args:
            warns: log a warning about queues that the worker does not serve although the target names them or jobs are
                declared for them.
        """
        from monarq.workers.process.worker import Worker  # deferred: supervisors and producers only load targets

        unserved = self.unserved_jobs() if warns else {}
        if unserved:
            warn_unserved_queues(self.settings.queues, unserved)
        told = {*self.settings.queues, *unserved}
        if warns and (own := [queue for queue in self.own_queues if queue not in told]):
            warn_unserved_own_queues(self.settings.queues, own)
        settings = dataclasses.replace(
            self.settings, shards=self._declared_shards(), queue_options=self._declared_queue_options()
        )
        worker = Worker(
            self.functions, settings, self.source, events=self.events, background=self.background, ctx=self.ctx
        )
        if warns and (idle := self._never_retried(worker.jobs)):
            warn_never_retried(idle)
        return worker

    def _never_retried(self, registered: Mapping[str, RegisteredJob]) -> list[str]:
        """The jobs that say which errors are retried, but have no retries, neither of their own nor by default."""
        if any(options.retry is not None for options in self.settings.queue_options.values()):
            return []
        jobs = [job for job in self.functions if isinstance(job, Job)]
        return [
            job.name
            for job in jobs
            if registered[job.name].policy.retry is None
            and (declared_options(job).retry_on != (Exception,) or declared_options(job).give_up_on)
        ]


class TargetLoader(Protocol):
    """Loads targets that are not modules with ``@job`` functions, such as arq's settings."""

    def adapt(self, settings: WorkerSettings) -> WorkerSettings:
        """The settings of a module's worker, changed if it may also claim jobs of this kind."""
        ...

    def takes(self, found: object) -> bool:
        """Whether an object is a target of this kind."""
        ...

    def load(
        self,
        found: object,
        target: str,
        url: str | None,
        overrides: Mapping[str, Any],
        project: Mapping[str, Any] = NOTHING,
    ) -> LoadedTarget:
        """Reads the settings of a target of this kind; see `load_target`."""
        ...


def load_target(
    target: str,
    url: str | None,
    overrides: Mapping[str, Any],
    loaders: Iterable[TargetLoader] = (),
    project: Mapping[str, Any] = NOTHING,
) -> LoadedTarget:
    """Imports a target and reads its settings.

    Args:
        target: its dotted path.
        url: the Redis to use instead of the one that the target or the environment names.
        overrides: values for attributes of `WorkerSettings` from options and the environment, and "allow_pickle"; they
            override the target's.
        loaders: load targets that are not modules with @job functions.
        project: the same from pyproject.toml; the target's values override them.

    Raises:
        TargetError: there is nothing at this path, or nothing to run in it.
        SettingsError: a setting has an invalid value.
        DeclarationError: a job's declaration cannot work.
    """
    found = import_object(target)
    enable_own_loggers()  # the levels of the loggers decide below which events are logged
    loaders = list(loaders)
    for loader in loaders:
        if loader.takes(found):
            return loader.load(found, target, url, overrides, project)
    if isinstance(found, ModuleType):
        return _load_module(found, target, url, project, overrides, loaders)
    if isinstance(found, Job):
        module = target.partition(":")[0] if ":" in target else target.rpartition(".")[0]
        raise TargetError(f"{target} is a job, and a worker runs all jobs of a module: run monarq worker {module}")
    raise TargetError(
        f"{target} is {found!r}: a worker runs a module with @job functions, an App, or a settings class or dict"
    )


def _load_module(
    module: ModuleType,
    target: str,
    url: str | None,
    project: Mapping[str, Any],
    overrides: Mapping[str, Any],
    loaders: Iterable[TargetLoader],
) -> LoadedTarget:
    jobs = _unique(value for value in vars(module).values() if isinstance(value, Job))
    crons = _unique(value for value in vars(module).values() if isinstance(value, Cron))
    if not jobs:
        # Importing a package does not import its modules: it has only the jobs that it imports itself.
        inside = f", name the module that has them, such as {target}.jobs," if hasattr(module, "__path__") else ","
        raise TargetError(
            f"{target} contains no jobs: decorate its functions with @job{inside} or name a settings class in it as"
            f" {target}.WorkerSettings"
        )
    listeners = tuple(_unique(value for value in vars(module).values() if isinstance(value, Listener)))
    queue = QueueRef(chosen("", "queue"), DEFAULT_FORMAT)
    made = WorkerSettings(queues=(queue,), codecs=Codecs(signer=find_signer()), listeners=listeners)
    own: dict[str, Any] = {}
    for defaults in vars(module).values():
        if isinstance(defaults, ModuleDefaults):
            own = {"queues": defaults.queues} if defaults.queues else {}
            url = url or defaults.redis()
    settings = override(made, {**project, **own, **overrides})
    for loader in loaders:
        settings = loader.adapt(settings)
    return assemble(jobs, crons, settings, UrlSource(redis_url(url)))


def assemble(
    jobs: Sequence[object],
    crons: Sequence[Cron],
    settings: WorkerSettings,
    source: RedisSource,
    own_queues: Sequence[QueueRef] = (),
) -> LoadedTarget:
    """Creates a target from jobs and crons.

    Args:
        jobs: the jobs.
        crons: the crons; if their jobs name no queue, workers enqueue them into the first queue of the settings.
        settings: the worker's settings, with the listeners.
        source: creates Redis connections.
        own_queues: the queues that the target itself names.
    """
    events = Dispatcher(worker_log(), *settings.listeners)
    background: list[BackgroundTask] = []
    if crons:
        from monarq.workers.cron.entry import entries_of
        from monarq.workers.cron.scheduler import CronScheduler

        background.append(
            CronScheduler(
                entries_of(crons, settings.codecs), queue=settings.queues[0], codecs=settings.codecs, events=events
            )
        )
    return LoadedTarget(jobs, settings, source, events, background, own_queues=own_queues)


def override(settings: WorkerSettings, overrides: Mapping[str, Any]) -> WorkerSettings:
    """Returns the settings with some values replaced.

    Raises:
        SettingsError: there is no such setting, or its value is invalid.
    """
    values = dict(overrides)
    if values.pop("allow_pickle", False):
        values["codecs"] = dataclasses.replace(settings.codecs, allow_pickle=True)
    known = {attribute.name for attribute in dataclasses.fields(WorkerSettings)}
    for name in values:
        if name not in known:
            raise SettingsError(f"there is no worker setting {name!r}")
    if "queues" in values:
        values["queues"] = _given_queues(values["queues"], settings)
    return dataclasses.replace(settings, **values)


def _given_queues(given: Iterable[str | Sequence[str]], settings: WorkerSettings) -> list[QueueRef]:
    """The queues that a command line names; a queue from JSON is a pair of name and format."""
    queues = [to_ref(queue) if isinstance(queue, str) else QueueRef(*cast("QueueRef", queue)) for queue in given]
    for queue in queues:
        check_ref(queue, _QUEUE_OPTIONS[queue.format], any_arq_name=settings.any_queue_name)
    return queues


def find_job(path: str) -> Job[..., Any]:
    """The job at ``package.module:name`` or ``package.module.name``.

    Raises:
        TargetError: there is none.
    """
    found = import_object(path)
    if not isinstance(found, Job):
        raise TargetError(f"{path} is a {type(found).__name__}, not a job: put @job before it")
    return found


def _unique(values: Iterable[T]) -> list[T]:
    return list({id(value): value for value in values}.values())
