"""Opens the resources of a worker by the lifespans of its app, and closes them, the last one first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from monarq.shared.calls.entering import enter_async
from monarq.shared.errors import ResourceError
from monarq.workers.config.app_parts import WorkerInfo
from monarq.workers.process.components import Dependencies


@asynccontextmanager
async def open_resources(dependencies: Dependencies) -> AsyncIterator[None]:
    """Puts what the lifespans yield into the worker's resources, for as long as it runs.

    Raises:
        ResourceError: one yields what is not a mapping, two give the same name, or a job or an override names what is
            not there.
        BaseException: whatever a lifespan raises.
    """
    app, resources = dependencies.settings.app, dependencies.ctx
    async with AsyncExitStack() as stack:
        for lifespan in app.lifespans:
            given = await enter_async(stack, lifespan(info_of(dependencies)), lifespan)
            add_resources(resources, given, "lifespan")
        if app.attach is not None:
            stack.callback(app.attach(resources, True))
        for job in dependencies.jobs.values():
            if job.resources is not None and job.import_path is None:
                job.resources.check_names(resources, "the lifespan of the worker's app")
        yield


def info_of(dependencies: Dependencies) -> WorkerInfo:
    """What a lifespan may know of its worker."""
    settings = dependencies.settings
    return WorkerInfo(
        worker_id=dependencies.worker_id,
        queues=tuple(queue.label for queue in settings.queues),
        jobs=tuple(sorted(dependencies.jobs)),
        concurrency=settings.concurrency,
        threads=settings.threads,
    )


def add_resources(known: dict[object, object], given: object, which: str) -> None:
    """Adds what a lifespan has yielded.

    Raises:
        ResourceError: that is not a mapping, or a name of it is there already.
    """
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise ResourceError(f"a {which} must yield a dict of resources by name, or nothing, and yielded {given!r}")
    for name, value in given.items():
        if name in known:
            raise ResourceError(f"the resource {name!r} is given twice: rename it in one {which}")
        known[name] = value
