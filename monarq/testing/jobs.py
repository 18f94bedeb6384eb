"""The jobs that a sandbox can run: those of its application, and all others declared in this process."""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Literal

from monarq.app.app import App, all_apps
from monarq.app.contents import contents_of
from monarq.app.loader import AppTargets
from monarq.shared.errors import DeclarationError, MonarqError, TargetError
from monarq.shared.jobs.cron_declaration import Cron
from monarq.shared.jobs.declared_jobs import all_declared
from monarq.shared.jobs.job import Job, declared_options
from monarq.shared.lane import Lane
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.signing import find_signer
from monarq.testing.tasks import project_app
from monarq.workers.config.app_parts import AppParts
from monarq.workers.config.importer import import_object
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.listener import Listener
from monarq.workers.jobs.registry import from_job
from monarq.workers.runs.registered_job import RegisteredJob

CpuLane = Literal["thread", "process"]
"""Where cpu jobs run in a sandbox."""

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Wraps the function of a cpu job for running in a thread."""

_APPS = AppTargets(lambda settings: settings)


@dataclass(slots=True)
class Known:
    """The jobs and crons that a sandbox can run.

    Attributes:
        settings: the settings of the application's workers.
        jobs: the jobs, by name.
        crons: the crons.
        own: the names of the application's own jobs.
    """

    settings: WorkerSettings
    jobs: dict[str, Job[Any, Any]] = field(default_factory=dict)
    crons: list[Cron] = field(default_factory=list)
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Registered:
    """A job that is already registered; see `monarq.workers.jobs.registry.Registrable`."""

    made: RegisteredJob

    def as_registered_job(self, settings: WorkerSettings) -> RegisteredJob:
        """The registered job, whatever the settings."""
        return self.made


def find_known(app: object) -> Known:
    """What a sandbox with this application can run: its jobs, and all others declared in the process.

    The crons are those of the application or, without one, of the modules that declare jobs. A project whose TASKS name
    monarq's backend has an application: its tasks, and the jobs and crons beside them.

    Raises:
        TargetError: the application is invalid or cannot be imported.
    """
    of_project = project_app()
    if of_project is not None:
        import_object(of_project)  # declares the jobs of the tasks, whatever the application is
    app = of_project if app is None else app
    found = import_object(app) if isinstance(app, str) else app
    target = app if isinstance(app, str) else "the sandbox's app"
    known = _of_app(found, target) if _APPS.takes(found) else _of_values(_values_of(found))
    known.own = frozenset(known.jobs)
    known.jobs = {job.name: job for job, _ in all_declared()} | known.jobs
    if app is None:
        modules = {module: None for _, module in all_declared()}
        known.crons = _crons_in(value for module in modules for value in vars(sys.modules.get(module, sys)).values())
    return known


def register_all(
    known: Known, settings: WorkerSettings, cpu: CpuLane, wrap: Wrap
) -> tuple[list[object], dict[str, DeclarationError]]:
    """The jobs as registered in a worker with these settings, and, by name, the reasons why others cannot be run.

    A job that cannot be run must not affect the others: for example, its annotations may use a name that is not
    imported, or it may need a resource that does not exist, which is found when it is run.
    """
    found: dict[str, RegisteredJob] = {}
    broken: dict[str, DeclarationError] = {}
    jobs = list(known.jobs.values())
    for job in jobs:
        is_moved = cpu == "thread" and declared_options(job).lane is Lane.CPU
        try:
            made = from_job(job, settings, Lane.THREAD if is_moved else None)
        except DeclarationError as error:
            broken[job.name] = error
            continue
        if made.import_path is not None and not _is_importable(made.import_path.module):
            # The child process imports the modules of all jobs when it starts.
            broken[job.name] = DeclarationError(f"no other process can import its module {made.import_path.module!r}")
            continue
        if made.resources is not None and made.import_path is not None and job.name not in known.own:
            # The child process checks when it starts that the resources of all jobs exist.
            broken[job.name] = DeclarationError("it needs resources, but the sandbox was not given its App")
            continue
        if made.resources is not None and made.import_path is None:
            plan = copy.copy(made.resources)
            plan.names = set()
            made = dataclasses.replace(made, resources=plan)
        found[job.name] = dataclasses.replace(made, function=wrap(made.function)) if is_moved else made
    for job in jobs:
        for old_name in declared_options(job).renamed_from if job.name in found else ():
            found.setdefault(old_name, dataclasses.replace(found[job.name], name=old_name))
    return list(map(_Registered, found.values())), broken


def _is_importable(module: str) -> bool:
    """Whether a new process can import the module, unlike one that pytest runs as its main module."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def app_parts_of(name: str) -> AppParts:
    """The app parts for a job; of several apps that have the job, those of the one that includes the most."""
    having: list[tuple[int, int, App]] = []
    for app in all_apps():
        with suppress(MonarqError):
            contents = contents_of(app)
            if name in contents.jobs:
                having.append((len(contents.apps), len(having), app))
    return _APPS.load(max(having)[2], "the job's app", "redis://localhost", {}).settings.app if having else AppParts()


def _of_app(found: object, target: str) -> Known:
    loaded = _APPS.load(found, target, "redis://localhost", {})
    jobs = {job.name: job for job in loaded.functions if isinstance(job, Job)}
    return Known(loaded.settings, jobs, _APPS.contents(found, target).crons)


def _of_values(values: list[object]) -> Known:
    listeners = tuple(dict.fromkeys(value for value in values if isinstance(value, Listener)))
    settings = WorkerSettings(codecs=Codecs(signer=find_signer()), listeners=listeners)
    jobs = {value.name: value for value in values if isinstance(value, Job)}
    return Known(settings, jobs, _crons_in(values))


def _crons_in(values: Iterable[object]) -> list[Cron]:
    crons = [value for value in values if isinstance(value, Cron)]
    return [cron for at, cron in enumerate(crons) if cron not in crons[:at]]


def _values_of(found: object) -> list[object]:
    if found is None:
        return []
    if isinstance(found, ModuleType):
        return list(vars(found).values())
    if isinstance(found, (list, tuple)) and all(isinstance(each, (Job, Cron, Listener)) for each in found):
        return list(found)
    raise TargetError(
        f"a sandbox's app is {found!r}: give an App, a module with @job functions, the dotted path of either, or a list"
        " of jobs and crons"
    )
