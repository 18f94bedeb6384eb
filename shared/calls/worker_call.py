"""The callable that a worker runs for a job: its function, wrapped if it takes a context or returns an awaitable."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from monarq.shared.calls.callables import is_coroutine_function
from monarq.shared.calls.parameters import ContextPosition, reached_parameters
from monarq.shared.calls.signature import CallSignature

_Index = Callable[[tuple[Any, ...], dict[str, Any]], int]
"""Returns how many of these positional arguments come before the context."""


def worker_callable(function: Callable[..., Any], signature: CallSignature, *, is_awaited: bool) -> Callable[..., Any]:
    """The callable that a worker runs; its first argument is the context if the job takes one.

    Args:
        function: the job's function.
        signature: what it takes.
        is_awaited: whether its return value is awaited.
    """
    called = function
    place = signature.context
    if place is not None and not place.is_first:
        called = _with_context_placed(called, signature, place)
    if is_awaited and not is_coroutine_function(function):
        called = _awaited(called)
    return called


def _with_context_placed(
    function: Callable[..., Any], signature: CallSignature, place: ContextPosition
) -> Callable[..., Any]:
    index = _index_behind_decorator(signature, place) if place.is_wrapped else _index(place)

    @functools.wraps(function, updated=())
    def call(context: object, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = place.put(context, args, kwargs, index(args, kwargs))
        return function(*args, **kwargs)

    return call


def _index(place: ContextPosition) -> _Index:
    at = len(place.before or ())
    return lambda _args, _kwargs: at


def _index_behind_decorator(signature: CallSignature, place: ContextPosition) -> _Index:
    from monarq.shared.calls.arguments import unsendable_parameters  # imported late: only such jobs need msgspec

    unsendable = unsendable_parameters(place.others, signature.owner)
    before = place.before or ()
    return lambda args, kwargs: sum(
        p in before for p in reached_parameters(place.others, unsendable, len(args), kwargs)
    )


def _awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    """Awaits the coroutine that a plain function returns; a caching function may also return a plain value."""

    @functools.wraps(function, updated=())
    async def call(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        return await value if inspect.isawaitable(value) else value

    return call
