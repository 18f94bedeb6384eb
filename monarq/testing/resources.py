"""The resources of a drain, opened by an app's lifespans, for the worker and for cpu jobs in its threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any

from monarq.shared.calls.callables import name_of
from monarq.shared.calls.context import SyncContext
from monarq.shared.calls.entering import enter_lifespan
from monarq.shared.errors import ResourceError
from monarq.workers.config.app_parts import AppParts
from monarq.workers.process.lifespans import add_resources
from monarq.workers.runs.current_context import RESOURCES


class Resources(dict[Any, Any]):
    """Resources by name. A missing one is an error of the job that needs it."""

    def __missing__(self, name: object) -> object:
        raise ResourceError(
            f"there is no resource {name!r}: give the sandbox the App whose lifespan yields it (the fixture monarq_app,"
            f" or app=), or set it with app.override({name}=...)"
        )


@contextmanager
def cpu_resources(app: AppParts) -> Iterator[Resources]:
    """Opens the resources that cpu jobs share, as their process does.

    Raises:
        ResourceError: a lifespan yields something other than a mapping, or two yield the same name.
        BaseException: whatever a lifespan raises.
    """
    resources = Resources()
    with ExitStack() as stack:
        for lifespan in app.cpu_lifespans:
            given = enter_lifespan(stack, lifespan(), lifespan)
            add_resources(resources, given, f"cpu_lifespan {name_of(lifespan)}")
        if app.attach is not None:
            stack.callback(app.attach(resources, not app.lifespans))
        yield resources


def with_cpu_resources(function: Callable[..., Any], resources: Resources) -> Callable[..., Any]:
    """The function of a cpu job, set up to use these resources and not those of the worker."""

    def call(*args: Any, **kwargs: Any) -> Any:
        token = RESOURCES.set(resources)
        try:
            if args and isinstance(args[0], SyncContext):
                args[0].resources = MappingProxyType(resources)
            return function(*args, **kwargs)
        finally:
            RESOURCES.reset(token)

    return call
