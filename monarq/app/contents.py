"""The contents of an app: its own, those of its module, and those of everything that it includes, in that order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from monarq.app.app import App, options_of
from monarq.app.finding import key_of, owners_of_jobs
from monarq.shared.errors import DeclarationError, SettingsError
from monarq.shared.jobs.cron_declaration import Cron
from monarq.shared.jobs.declaration_checks import declaration_site
from monarq.shared.jobs.job import Job
from monarq.shared.jobs.middleware import AnyMiddleware
from monarq.workers.config.app_parts import CpuLifespan, Lifespan
from monarq.workers.config.importer import import_object
from monarq.workers.events.listener import Listener


@dataclass(slots=True)
class Contents:
    """The contents of an app and everything that it includes, without duplicates."""

    apps: list[App] = field(default_factory=list)
    jobs: dict[str, Job[..., Any]] = field(default_factory=dict)
    crons: list[Cron] = field(default_factory=list)
    middleware: list[AnyMiddleware] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    lifespans: list[Lifespan] = field(default_factory=list)
    cpu_lifespans: list[CpuLifespan] = field(default_factory=list)

    def attach(self, resources: dict[Any, Any], is_complete: bool) -> Callable[[], None]:
        """Lets the overrides of all its apps change a worker's resources, until the returned function is called.

        Raises:
            ResourceError: one overrides a name that does not exist; see `monarq.app.overrides`.
        """
        with ExitStack() as stack:
            for app in reversed(self.apps):
                stack.callback(app._attach(resources, is_complete=is_complete))  # noqa: SLF001 - private to users only
            return stack.pop_all().close


def contents_of(app: App, module: ModuleType | None = None) -> Contents:
    """Everything that belongs to an app.

    Args:
        app: the app.
        module: the module in which it was found, which belongs to it even if the app is made in another module.

    Raises:
        TargetError: a module that it includes cannot be imported.
        DeclarationError: two of its jobs have the same name.
        SettingsError: it includes something that is neither a module nor an app.
    """
    gathering = _Gathering()
    gathering.add_app(app)
    if module is not None:
        gathering.add_module(module)
    return gathering.contents


class _Gathering:
    """Gathers the contents of an app."""

    def __init__(self) -> None:
        self.contents = Contents()
        self._modules: set[str] = set()

    def add_app(self, app: App) -> None:
        """Adds an app and everything that it includes."""
        contents = self.contents
        if app in contents.apps:
            return
        contents.apps.append(app)
        options = options_of(app)
        _add_new(contents.middleware, options.middleware)
        _add_new(contents.listeners, options.listeners)
        _add_new(contents.lifespans, [options.lifespan] if options.lifespan else [])
        _add_new(contents.cpu_lifespans, [options.cpu_lifespan] if options.cpu_lifespan else [])
        self._add_jobs(app._jobs)  # noqa: SLF001 - private to users only
        own = sys.modules.get(app._module)  # noqa: SLF001
        if own is not None:
            self.add_module(own)
        for included in options.include:
            self._include(included)

    def add_module(self, module: ModuleType) -> None:
        """Adds the contents of a module, except other apps and their jobs, which the module may only enqueue."""
        if module.__name__ in self._modules:
            return
        self._modules.add(module.__name__)
        values = list(vars(module).values())
        owners = owners_of_jobs()
        self._add_jobs(value for value in values if isinstance(value, Job) and key_of(value) not in owners)
        _add_new(self.contents.crons, [value for value in values if isinstance(value, Cron)])
        _add_new(self.contents.listeners, [value for value in values if isinstance(value, Listener)])

    def _include(self, included: object) -> None:
        found = import_object(included) if isinstance(included, str) else included
        if isinstance(found, App):
            self.add_app(found)
        elif isinstance(found, ModuleType):
            for app in _apps_of(found):
                self.add_app(app)
            self.add_module(found)
        else:
            raise SettingsError(f"include: {included!r} is neither a module nor an App")

    def _add_jobs(self, jobs: Iterable[Job[..., Any]]) -> None:
        for job in jobs:
            known = self.contents.jobs.setdefault(job.name, job)
            if known.function is not job.function:
                places = " and ".join(declaration_site(each.function) for each in (known, job))
                raise DeclarationError(f"two jobs are named {job.name!r}, at {places}: give one of them another name")


def _apps_of(module: ModuleType) -> list[App]:
    """The apps of a module, and those of the jobs that it declares."""
    values, owners = list(vars(module).values()), owners_of_jobs()
    declared = [job for job in values if isinstance(job, Job) and job.function.__module__ == module.__name__]
    return [app for app in [*values, *(owners.get(key_of(job)) for job in declared)] if isinstance(app, App)]


def _add_new(known: list[Any], more: Iterable[Any]) -> None:
    for each in more:
        if not any(each is other for other in known):
            known.append(each)
