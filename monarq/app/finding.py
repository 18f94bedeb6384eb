"""Which app a module has, and which one a job belongs to."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NamedTuple

from monarq.app.app import App, all_apps, options_of
from monarq.shared.jobs.job import Job, declared_options
from monarq.shared.jobs.middleware import AnyMiddleware


class Enqueued(NamedTuple):
    """How an app enqueues a job.

    Attributes:
        job: the job, with the app's queue if it has none itself.
        middleware: the app's middleware.
        url: the URL of the app's Redis; None if the app has none, or has a client instead.
    """

    job: Job[..., Any]
    middleware: tuple[AnyMiddleware, ...] = ()
    url: str | None = None


def apps_in(module: ModuleType) -> list[App]:
    """The apps of a module, except those that another of its apps includes."""
    found = list({id(value): value for value in vars(module).values() if isinstance(value, App)}.values())
    included = {id(each) for app in found for each in options_of(app).include}
    return [app for app in found if id(app) not in included]


def module_of(target: str) -> ModuleType | None:
    """The module in which a target was found, ``module``, ``module:name`` or ``module.name``; None for other text."""
    name = target.partition(":")[0]
    return sys.modules.get(name) or sys.modules.get(name.rpartition(".")[0])


def key_of(job: Job[..., Any]) -> tuple[str, int]:
    """What a job and its copies with other options have in common."""
    return job.name, id(job.function)


def owners_of_jobs() -> dict[tuple[str, int], App]:
    """The app that declared each job of this process, by the job's `key_of`; jobs of no app are missing."""
    return {key_of(job): app for app in all_apps() for job in app._jobs}  # noqa: SLF001 - private to users only


def app_of(job: Job[..., Any], path: str) -> App | None:
    """The app that a job belongs to.

    Args:
        job: the job.
        path: where it was found, as ``module:name`` or ``module.name``.

    Returns:
        The app that declared it, else the only one of the module where it was found; None if there is none.
    """
    if (owner := owners_of_jobs().get(key_of(job))) is not None:
        return owner
    module = sys.modules.get(path.partition(":")[0] if ":" in path else path.rpartition(".")[0])
    apps = [] if module is None else apps_in(module)
    return apps[0] if len(apps) == 1 else None


def enqueued_by_app(job: Job[..., Any], path: str) -> Enqueued:
    """How a job's app enqueues it; just the job if it has no app. The arguments are those of `app_of`."""
    app = app_of(job, path)
    if app is None:
        return Enqueued(job)
    own = options_of(app)
    if own.queue is not None and declared_options(job).queue_ref is None:
        job = job.options(queue=own.queue)
    return Enqueued(job, own.middleware, own.redis if isinstance(own.redis, str) else None)
