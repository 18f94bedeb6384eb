"""The overrides of an app: values with which tests replace the resources of workers in the test process.

It imports little, as the cpu lane's process imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from monarq.shared.errors import DeclarationError, ResourceError
from monarq.shared.similar_names import suggestion

_ABSENT: Final = object()


class Overrides:
    """The active overrides of one app, and the resources of the workers that they change.

    Args:
        app_name: the app's name, for messages.
    """

    def __init__(self, app_name: str) -> None:
        self._app_name = app_name
        self._holding: list[Mapping[str, object]] = []
        self._tables: list[_Table] = []

    def check(self, resources: Iterable[str], *, is_all_known: bool) -> None:
        """Checks the names of an override, as far as possible before a lifespan is opened.

        Args:
            resources: the names.
            is_all_known: whether no lifespan can yield more names, and all included modules are imported.

        Raises:
            ResourceError: the app has no resource with one of these names.
        """
        unknown = set(resources) - self._known()
        if unknown and (is_all_known or any(table.is_complete for table in self._tables)):
            raise self._refusal(unknown)

    def begin(self, resources: Mapping[str, object]) -> None:
        """Starts an override, for running workers too."""
        self._holding.append(resources)
        self._refill()

    def end(self, resources: Mapping[str, object]) -> None:
        """Ends an override that `begin` started."""
        self._holding[:] = [known for known in self._holding if known is not resources]
        self._refill()

    def attach(self, resources: dict[Any, Any], *, is_complete: bool) -> Callable[[], None]:
        """Lets overrides change these resources of a worker, until the returned function is called.

        Args:
            resources: the resources that the lifespans yielded.
            is_complete: whether these are all resources that overrides can replace in this process.

        Raises:
            ResourceError: an active override has a name that does not exist.
        """
        attached = _Table(resources, is_complete=is_complete)
        self._tables.append(attached)

        def detach() -> None:
            self._tables[:] = [known for known in self._tables if known is not attached]
            attached.fill(())

        if (
            is_complete
            and self._holding
            and (unknown := {name for each in self._holding for name in each} - self._known())
        ):
            refusal = self._refusal(unknown)
            detach()
            raise refusal
        attached.fill(self._holding)
        return detach

    def _refill(self) -> None:
        for table in self._tables:
            table.fill(self._holding)

    def _known(self) -> set[str]:
        return _asked_names().union(*(table.own_names() for table in self._tables))

    def _refusal(self, unknown: set[str]) -> ResourceError:
        name, known = min(unknown), sorted(self._known())
        advice = suggestion(name, known) or ";"
        listed = f"its resources are {', '.join(map(repr, known))}" if known else "no job needs one by name"
        return ResourceError(f"app.override({name}=...): {self._app_name!r} has no resource {name!r}{advice} {listed}")


class _Table:
    """The resources of a worker, and those that overrides have replaced.

    Attributes:
        is_complete: whether these are all resources that overrides can replace in this process.
    """

    def __init__(self, resources: dict[Any, Any], *, is_complete: bool) -> None:
        self.is_complete = is_complete
        self._resources = resources
        self._own: dict[str, object] = {}

    def own_names(self) -> list[str]:
        """The names of the resources that exist without overrides."""
        return [name for name in self._resources if self._own.get(name) is not _ABSENT]

    def fill(self, overrides: Iterable[Mapping[str, object]]) -> None:
        """Applies these overrides instead of the previous ones; the last one wins. Others get their own value back."""
        wanted: dict[str, object] = {}
        for each in overrides:
            wanted.update(each)
        for name in self._own.keys() - wanted.keys():
            own = self._own.pop(name)
            if own is _ABSENT:
                self._resources.pop(name, None)
            else:
                self._resources[name] = own
        for name in wanted.keys() - self._own.keys():
            self._own[name] = self._resources.get(name, _ABSENT)
        self._resources.update(wanted)


def _asked_names() -> set[str]:
    """The names of the resources that the jobs of this process need, including those of factories."""
    from monarq.shared.jobs.declared_jobs import all_declared  # deferred, as most programs never need it
    from monarq.shared.jobs.job import declared_options
    from monarq.workers.runs.resources import plan_of

    names: set[str] = set()
    for job, _ in all_declared():
        with suppress(DeclarationError):  # the worker reports it
            plan = plan_of(job, declared_options(job).lane)
            names.update(plan.names if plan else ())
    return names
