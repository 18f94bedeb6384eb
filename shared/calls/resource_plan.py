"""The plan of a job's resources: what to open for one run, in which order, and the arguments of each factory.

It is made once, when the worker or the CPU child starts, so that mistakes are reported before a job runs. It imports
little, so that the child starts quickly.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any, Final

from monarq.shared.calls.callables import is_coroutine_function, signature_of, unpartial
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.entering import enter, enter_async
from monarq.shared.calls.resource import ResourceRequest
from monarq.shared.calls.signature import CallSignature, context_kind, requests_of
from monarq.shared.errors import DeclarationError, ResourceError

_CONTEXT: Final = "context"
_ARGUMENT: Final = "argument"
_NAME: Final = "name"
_STEP: Final = "step"

_Source = tuple[str, Any]
"""Where a value comes from: one of the four kinds above, and the name or the number of the step."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A factory that is called in each run, and its arguments."""

    factory: Callable[..., Any]
    takes: tuple[tuple[str, _Source], ...]


@dataclass(slots=True)
class _Run:
    """The values from which the resources of one run are made."""

    named: Mapping[str, Any]
    context: Callable[[], object]
    arguments: Mapping[str, Any]
    made: list[Any]

    def values(self, takes: tuple[tuple[str, _Source], ...]) -> dict[str, Any]:
        """The values for these parameters."""
        return {parameter: self._value(source) for parameter, source in takes}

    def _value(self, source: _Source) -> Any:
        kind, what = source
        if kind is _NAME:
            return self.named[what]
        if kind is _STEP:
            return self.made[what]
        return self.context() if kind is _CONTEXT else self.arguments[what]


class ResourcePlan:
    """The plan of one job.

    Attributes:
        parameters: the names of the job's parameters that are resources.
        names: the names of all resources taken from the worker, including those that factories take.
        by_name: the resource of each parameter if all have names and no factory is called; else None.

    Args:
        job_name: the job's name, for messages.
        signature: what it takes.
        is_async: whether it runs on the event loop.

    Raises:
        DeclarationError: a factory cannot be called on this lane, or needs a value that does not exist.
    """

    def __init__(self, job_name: str, signature: CallSignature, *, is_async: bool) -> None:
        self._job_name = job_name
        self._signature = signature
        self._is_async = is_async
        self._steps: list[_Step] = []
        self._cached: dict[Callable[..., Any], int] = {}
        self._takes_arguments = False
        self.parameters = frozenset(signature.resources)
        self.names: set[str] = set()
        self._takes = tuple((name, self._source_of(request, ())) for name, request in signature.resources.items())
        self.by_name = None if self._steps else {name: str(source[1]) for name, source in self._takes}

    def check_names(self, known: Mapping[str, Any], where: str) -> None:
        """Checks that every resource that is asked for by name exists.

        Args:
            known: the resources.
            where: what provides them, such as "the app's lifespan".

        Raises:
            ResourceError: one is missing.
        """
        missing = sorted(self.names - known.keys())
        if missing:
            others = f"it provides {', '.join(map(repr, sorted(map(str, known)))) or 'none'}"
            raise ResourceError(
                f"the job {self._job_name} needs the resource {missing[0]!r}, which {where} does not provide: {others}"
            )

    async def open(
        self, stack: AsyncExitStack, named: Mapping[str, Any], context: Callable[[], object], call: Any
    ) -> dict[str, Any]:
        """Opens the resources of a run on the event loop, and returns them by parameter.

        Args:
            stack: closes them, in reverse order.
            named: the worker's resources.
            context: returns the run's context.
            call: the job's positional and keyword arguments.

        Raises:
            BaseException: whatever a factory raises.
        """
        run = self._run(named, context, call)
        for step in self._steps:
            value = step.factory(**run.values(step.takes))
            if isinstance(value, AbstractAsyncContextManager):
                value = await enter_async(stack, value, step.factory)
            elif isinstance(value, AbstractContextManager):
                value = enter(stack, value, step.factory)
            elif inspect.isawaitable(value):
                value = await value
            run.made.append(value)
        return run.values(self._takes)

    def open_blocking(
        self, stack: ExitStack, named: Mapping[str, Any], context: Callable[[], object], call: Any
    ) -> dict[str, Any]:
        """As `open`, in a thread or in another process.

        Raises:
            ResourceError: a factory returned something that only an event loop can open.
            BaseException: whatever a factory raises.
        """
        run = self._run(named, context, call)
        for step in self._steps:
            value = step.factory(**run.values(step.takes))
            if isinstance(value, AbstractContextManager):
                value = enter(stack, value, step.factory)
            elif isinstance(value, AbstractAsyncContextManager) or inspect.isawaitable(value):
                raise ResourceError(f"{_shown(step.factory)} returned {value!r}, which only an async def job can open")
            run.made.append(value)
        return run.values(self._takes)

    def _run(self, named: Mapping[str, Any], context: Callable[[], object], call: Any) -> _Run:
        arguments: Mapping[str, Any] = {}
        if self._takes_arguments:
            bound = self._signature.accepts.bind(*call[0], **call[1])
            bound.apply_defaults()
            arguments = bound.arguments
        return _Run(named, context, arguments, [])

    def _source_of(self, request: ResourceRequest, above: tuple[Callable[..., Any], ...]) -> _Source:
        if request.factory is None:
            self.names.add(request.name)
            return _NAME, request.name
        if request.factory in above:
            raise DeclarationError(f"the job {self._job_name}: the resource {request.shown} depends on itself")
        if request.cached and request.factory in self._cached:
            return _STEP, self._cached[request.factory]
        self._check_factory(request.factory)
        takes = self._takes_of(request.factory, (*above, request.factory))
        self._steps.append(_Step(request.factory, takes))
        at = len(self._steps) - 1
        if request.cached:
            self._cached[request.factory] = at
        return _STEP, at

    def _takes_of(
        self, factory: Callable[..., Any], above: tuple[Callable[..., Any], ...]
    ) -> tuple[tuple[str, _Source], ...]:
        layer = inspect.unwrap(unpartial(factory)) if inspect.isfunction(factory) else factory
        signature = signature_of(layer)
        requests = requests_of(layer, signature)
        taken: list[tuple[str, _Source]] = []
        for name, parameter in signature.parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if name in requests:
                taken.append((name, self._source_of(requests[name], above)))
            elif (kind := context_kind(parameter.annotation, layer)) is not None:
                self._check_context(kind, factory)
                taken.append((name, (_CONTEXT, None)))
            elif name in self._signature.accepts.parameters:
                self._takes_arguments = True
                taken.append((name, (_ARGUMENT, name)))
            elif parameter.default is parameter.empty:
                raise DeclarationError(
                    f"the job {self._job_name}: its resource {_shown(factory)} needs {name!r}, which is not a resource,"
                    " a context or an argument of the job"
                )
        return tuple(taken)

    def _check_factory(self, factory: Callable[..., Any]) -> None:
        inner = inspect.unwrap(factory)
        if factory is inner and (inspect.isgeneratorfunction(factory) or inspect.isasyncgenfunction(factory)):
            before = "@contextmanager" if inspect.isgeneratorfunction(factory) else "@asynccontextmanager"
            raise DeclarationError(
                f"the job {self._job_name}: its resource {_shown(factory)} is a generator: decorate it with {before}"
            )
        if not self._is_async and (is_coroutine_function(factory) or inspect.isasyncgenfunction(inner)):
            raise DeclarationError(
                f"the job {self._job_name} is a plain def, and its resource {_shown(factory)} needs an event loop: use"
                " a plain function or a @contextmanager as the factory"
            )

    def _check_context(self, kind: type[Any], factory: Callable[..., Any]) -> None:
        wanted = Context if self._is_async else SyncContext
        if kind is not wanted:
            raise DeclarationError(
                f"the job {self._job_name}: its resource {_shown(factory)} takes a {kind.__name__}, but the job's"
                f" context is a {wanted.__name__}"
            )


def _shown(factory: Callable[..., Any]) -> str:
    return str(getattr(factory, "__qualname__", factory))
