"""Opens the resources of a worker with the lifespans of its app, and closes them in reverse order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from monarq.shared.calls.callables import name_of
from monarq.shared.calls.entering import enter_lifespan_async
from monarq.shared.errors import ResourceError
from monarq.workers.config.app_parts import WorkerInfo
from monarq.workers.process.components import Dependencies


@asynccontextmanager
async def open_resources(dependencies: Dependencies) -> AsyncIterator[None]:
    """Adds what the lifespans yield to the worker's resources while it runs.

    Raises:
        ResourceError: one returns no context manager, or yields something other than a mapping, two yield the same
            name, or a job or an override names an unknown resource.
        BaseException: whatever a lifespan raises.
    """
    app, resources = dependencies.settings.app, dependencies.ctx
    async with AsyncExitStack() as stack:
        for lifespan in app.lifespans:
            given = await enter_lifespan_async(stack, lifespan(info_of(dependencies)), lifespan)
            add_resources(resources, given, f"lifespan {name_of(lifespan)}")
        if app.attach is not None:
            stack.callback(app.attach(resources, True))
        for job in dependencies.jobs.values():
            if job.resources is not None and job.import_path is None:
                job.resources.check_names(resources, "the lifespan of the worker's app")
        yield


def info_of(dependencies: Dependencies) -> WorkerInfo:
    """The description of the worker that its lifespans get."""
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

    Args:
        known: the resources.
        given: what it yielded.
        which: the lifespan, for messages.

    Raises:
        ResourceError: that is not a mapping, or one of its names already exists.
    """
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise ResourceError(f"{which} must yield a dict of resources by name, or nothing; it yielded {given!r}")
    for name, value in given.items():
        if name in known:
            raise ResourceError(f"two resources are named {name!r}: rename one of them, for example in {which}")
        known[name] = value
