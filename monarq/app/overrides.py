"""The overrides of an app: values with which tests replace the resources of workers in the test process.

It imports little, as the cpu lane's process imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from monarq.shared.errors import DeclarationError, MonarqError, ResourceError

if TYPE_CHECKING:
    from monarq.app.app import App
    from monarq.app.contents import Contents

_ABSENT: Final = object()


class Overrides:
    """The active overrides of one app, and the resources of the workers that they change."""

    def __init__(self) -> None:
        self._holding: list[Mapping[str, object]] = []
        self._tables: list[_Table] = []

    def check(self, app: App, resources: Iterable[str]) -> None:
        """Checks the names of an override, as far as possible before a lifespan is opened.

        Args:
            app: the app.
            resources: the names.

        Raises:
            ResourceError: the app has no resource with one of these names.
        """
        unknown = set(resources) - self._given() - _asked_names(app)
        if not unknown:
            return
        having = _contents_with(app)
        if any(table.is_complete for table in self._tables) or not any(map(_opens_resources, having)):
            raise self._refusal(app, unknown)

    def begin(self, resources: Mapping[str, object]) -> None:
        """Starts an override, for running workers too."""
        self._holding.append(resources)
        self._refill()

    def end(self, resources: Mapping[str, object]) -> None:
        """Ends an override that `begin` started."""
        self._holding[:] = [known for known in self._holding if known is not resources]
        self._refill()

    def attach(self, app: App, resources: dict[Any, Any], *, is_complete: bool) -> Callable[[], None]:
        """Lets overrides change these resources of a worker, until the returned function is called.

        Args:
            app: the app.
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

        names = {name for each in self._holding for name in each}
        if is_complete and names and (unknown := names - self._given() - _asked_names(app)):
            refusal = self._refusal(app, unknown)
            detach()
            raise refusal
        attached.fill(self._holding)
        return detach

    def _refill(self) -> None:
        for table in self._tables:
            table.fill(self._holding)

    def _given(self) -> set[str]:
        return {name for table in self._tables for name in table.own_names()}

    def _refusal(self, app: App, unknown: set[str]) -> ResourceError:
        from difflib import get_close_matches  # deferred: needed only for this error

        name, known = min(unknown), sorted(self._given() | _asked_names(app))
        near = get_close_matches(name, known, n=1)
        advice = f"did you mean {near[0]!r}? " if near else ""
        listed = f"its resources are {', '.join(map(repr, known))}" if known else "no job needs one by name"
        return ResourceError(f"app.override({name}=...): {app.name!r} has no resource {name!r}: {advice}{listed}")


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


def _contents_with(app: App) -> list[Contents]:
    """The contents of this app, and of the apps of this process that include it and so share its workers."""
    from monarq.app.app import all_apps  # deferred, as most programs never need it
    from monarq.app.contents import contents_of

    having = [contents_of(app)]
    for other in all_apps():
        with suppress(MonarqError):  # it has no workers
            contents = contents_of(other)
            if other is not app and app in contents.apps:
                having.append(contents)
    return having


def _opens_resources(contents: Contents) -> bool:
    return bool(contents.lifespans or contents.cpu_lifespans)


def _asked_names(app: App) -> set[str]:
    """The names of the resources that the app's jobs, and all others in this process, need, including factories."""
    from monarq.app.contents import contents_of
    from monarq.shared.jobs.declared_jobs import all_declared
    from monarq.shared.jobs.job import declared_options
    from monarq.workers.runs.resources import plan_of

    names: set[str] = set()
    for job in (*contents_of(app).jobs.values(), *(declared.job for declared in all_declared())):
        with suppress(DeclarationError):  # the worker reports it
            plan = plan_of(job, declared_options(job).lane)
            names.update(plan.names if plan else ())
    return names
