"""TARGET: what a worker runs, found by its dotted path, and the engine made from it.

``app.jobs`` is a module with ``@job`` functions, and with crons and listeners where it has some;
``app.WorkerSettings`` (or ``app:WorkerSettings``) a settings class or dict as arq has them.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from monarq.shared.errors import DeclarationError, SettingsError, TargetError
from monarq.shared.jobs.job import Job
from monarq.shared.jobs.schedule import Cron
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.signing import find_signer
from monarq.shared.redis.connection import RedisSource, UrlSource, redis_url
from monarq.workers.config.import_errors import place_of, said
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.events.background import Upkeep
from monarq.workers.events.dispatcher import Journal, Listener
from monarq.workers.reporting.log_setup import let_speak
from monarq.workers.reporting.worker_log import warn_elsewhere, worker_log

if TYPE_CHECKING:
    from monarq.workers.process.worker import Engine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A target, ready to become an engine.

    Attributes:
        functions: the jobs.
        settings: how the worker behaves.
        source: the Redis.
        journal: who hears of what happens.
        upkeep: what runs beside the jobs.
        ctx: the dict for hooks and arq's jobs.
    """

    functions: list[object]
    settings: WorkerSettings
    source: RedisSource
    journal: Journal
    upkeep: list[Upkeep] = field(default_factory=list)
    ctx: dict[Any, Any] = field(default_factory=dict)

    def _elsewhere(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for job in self.functions:
            queue = job.declared.queue if isinstance(job, Job) else None
            if isinstance(job, Job) and queue is not None and queue not in self.settings.queues:
                found.setdefault(queue, []).append(job.name)
        return found

    def engine(self, *, warns: bool = False) -> Engine:
        """The worker.

        Args:
            warns: tell the log of jobs that are declared for queues which the worker does not serve.
        """
        from monarq.workers.process.worker import Engine  # put off: supervisors and producers read targets and run none

        elsewhere = self._elsewhere() if warns else {}
        if elsewhere:
            warn_elsewhere(self.settings.queues, elsewhere)

        return Engine(
            self.functions, self.settings, self.source, journal=self.journal, upkeep=self.upkeep, ctx=self.ctx
        )


def load_target(target: str, url: str | None, overrides: Mapping[str, Any]) -> Loaded:
    """Imports a target and reads its settings.

    Args:
        target: its dotted path.
        url: the Redis to use, over what the target or the environment says.
        overrides: values for `WorkerSettings` that were given on the command line, by attribute; besides
            "allow_pickle" and "max_tries".

    Raises:
        TargetError: there is nothing at this path, or nothing to run in it.
        SettingsError: a setting has a value that it cannot have.
        DeclarationError: a job was declared in a way that cannot work.
    """
    found = find_object(target)
    let_speak()  # what is heard is settled below, by what the loggers let through
    if isinstance(found, (type, dict)) or _holds_arq_settings(found):
        return _load_arq(found, target, url, overrides)
    if isinstance(found, ModuleType):
        return _load_module(found, target, url, overrides)
    raise TargetError(f"{target} is {found!r}: a worker runs a module with @job functions, or a settings class or dict")


def _holds_arq_settings(found: object) -> bool:
    """Whether an object, or a module without @job functions, has arq's settings as its attributes."""
    if isinstance(found, ModuleType) and any(isinstance(value, Job) for value in vars(found).values()):
        return False
    return any(isinstance(getattr(found, name, None), (list, tuple)) for name in ("functions", "cron_jobs"))


def _load_module(module: ModuleType, target: str, url: str | None, overrides: Mapping[str, Any]) -> Loaded:
    jobs = _unique(value for value in vars(module).values() if isinstance(value, Job))
    crons = _unique(value for value in vars(module).values() if isinstance(value, Cron))
    if not jobs:
        # A package's modules are imported by whoever names them: their jobs are found where it takes them in.
        inside = f", name the module that has them, such as {target}.jobs," if hasattr(module, "__path__") else ","
        raise TargetError(
            f"{target} holds no job: put @job before its functions{inside} or name a settings class in it as"
            f" {target}.WorkerSettings"
        )
    listeners = tuple(_unique(value for value in vars(module).values() if isinstance(value, Listener)))
    settings = override(WorkerSettings(codecs=Codecs(signer=find_signer()), listeners=listeners), overrides)
    journal = Journal(worker_log(), *listeners)
    upkeep: list[Upkeep] = []
    if crons:
        from monarq.workers.cron.entry import entries_of
        from monarq.workers.cron.keeper import CronKeeper

        upkeep.append(CronKeeper(entries_of(crons), queue=settings.queues[0], codecs=settings.codecs, journal=journal))
    return Loaded(list(jobs), settings, UrlSource(redis_url(url)), journal, upkeep)


def _load_arq(found: object, target: str, url: str | None, overrides: Mapping[str, Any]) -> Loaded:
    from monarq.arq.settings.reader import read_arq_settings
    from monarq.arq.worker_side.hooks import arq_parts

    read = read_arq_settings(found)
    if not read.functions:
        # A worker that knows no job would fail each one that it claims.
        raise TargetError(f"{target} names no job: at least one function or cron_job must be registered")
    if url is None and not read.names_redis:
        url = os.environ.get("REDIS_URL")
    source = None if url is None else UrlSource(redis_url(url))
    parts = arq_parts(read, override(read.settings, overrides), source)
    return Loaded(read.functions, parts.settings, source or read.source, parts.journal, parts.upkeep, read.ctx)


def override(settings: WorkerSettings, overrides: Mapping[str, Any]) -> WorkerSettings:
    """The settings with some values replaced.

    Raises:
        SettingsError: there is no such setting, or it cannot have this value.
    """
    values = dict(overrides)
    if values.pop("allow_pickle", False):
        values["codecs"] = dataclasses.replace(settings.codecs, allow_pickle=True)
    max_tries = values.pop("max_tries", None)
    if max_tries is not None:
        values["retry"] = dataclasses.replace(settings.retry, max_tries=max_tries)
    known = {attribute.name for attribute in dataclasses.fields(WorkerSettings)}
    for name in values:
        if name not in known:
            raise SettingsError(f"there is no worker setting {name!r}")
    if "queues" in values:
        values["queues"] = tuple(values["queues"])
    return dataclasses.replace(settings, **values)


def find_object(path: str) -> object:
    """What stands at ``package.module``, ``package.module.name`` or ``package.module:name``.

    The current folder is searched first, as for a script that lies in it.

    Raises:
        TargetError: there is nothing, or importing it failed; the message says which part.
    """
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    module_path, _, name = path.partition(":")
    if not module_path or path.endswith((":", ".")) or path.startswith("."):
        raise TargetError(f"{path!r} is no path of a module or of a name in it, such as app.jobs or app:WorkerSettings")
    if "/" in module_path or module_path.endswith(".py"):
        raise TargetError(f"{path!r} is a file: give the module as Python names it, such as app.jobs for app/jobs.py")
    if name:
        return _attribute(_import(module_path), name, path)
    try:
        return _import(module_path)
    except _NoModuleError as missing:
        parent, _, last = module_path.rpartition(".")
        if not parent:
            raise
        try:
            module = _import(parent)
        except _NoModuleError:
            raise missing from None
        return _attribute(module, last, path)


def find_job(path: str) -> Job[..., Any]:
    """The job at ``package.module:name`` or ``package.module.name``.

    Raises:
        TargetError: there is none.
    """
    found = find_object(path)
    if not isinstance(found, Job):
        raise TargetError(f"{path} is {type(found).__name__}, no job: put @job before it")
    return found


class _NoModuleError(TargetError):
    """The module of this very name does not exist."""


def _import(module_path: str) -> ModuleType:
    try:
        return importlib.import_module(module_path)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_path == error.name or module_path.startswith(error.name + ".")):
            raise _NoModuleError(
                f"there is no module {error.name!r} (looked in {Path.cwd()} and on the Python path)"
            ) from error
        what = f"it needs {error.name!r}, which is not there"
        raise TargetError(f"{module_path} cannot be imported: {what}{place_of(error)}") from error
    except SettingsError as error:
        raise SettingsError(f"{module_path} cannot be imported: {error}{place_of(error)}") from error
    except DeclarationError as error:
        # It says itself where it stands.
        raise TargetError(f"{module_path} cannot be imported: {error}") from error
    except SystemExit as error:
        raise TargetError(
            f"{module_path} ended the process when it was imported: {said(error)}{place_of(error)}"
        ) from error
    except Exception as error:
        raise TargetError(
            f"{module_path} cannot be imported: {said(error)}{place_of(error)}{_to_do(error, module_path)}"
        ) from error


def _to_do(error: Exception, module_path: str) -> str:
    """What helps where a module of a package is named without the package; '' elsewhere."""
    if not isinstance(error, ImportError) or "no known parent package" not in str(error):
        return ""
    folder = Path.cwd()
    return f": it is part of a package: name it {folder.name}.{module_path}, in the folder {folder.parent}"


def _attribute(module: ModuleType, name: str, path: str) -> object:
    found: object = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise TargetError(f"{path}: the module {module.__name__} has no {name!r}")
        found = getattr(found, part)
    return found


def _unique(values: Iterable[T]) -> list[T]:
    return list({id(value): value for value in values}.values())
