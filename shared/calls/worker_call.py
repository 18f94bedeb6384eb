"""What a worker calls: the job's function, with what has to be done before and after where it is no plain one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from monarq.shared.calls.callables import is_coroutine_function
from monarq.shared.calls.parameters import ContextPlace
from monarq.shared.calls.signature import CallSignature

_Index = Callable[[tuple[Any, ...], dict[str, Any]], int]
"""How many of these positional arguments go in front of the context."""


def called_by_worker(function: Callable[..., Any], signature: CallSignature, *, is_awaited: bool) -> Callable[..., Any]:
    """The function that a worker calls, with the context in front of the job's arguments where there is one.

    Args:
        function: the job's function.
        signature: what it takes.
        is_awaited: whether what it returns is awaited.
    """
    called = function
    place = signature.context
    if place is not None and not place.is_first:
        called = _with_context_placed(called, signature, place)
    if is_awaited and not is_coroutine_function(function):
        called = _awaited(called)
    return called


def _with_context_placed(
    function: Callable[..., Any], signature: CallSignature, place: ContextPlace
) -> Callable[..., Any]:
    index = _index_behind_decorator(signature, place) if place.is_open else _index(place)

    @functools.wraps(function, updated=())
    def call(context: object, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = place.put(context, args, kwargs, index(args, kwargs))
        return function(*args, **kwargs)

    return call


def _index(place: ContextPlace) -> _Index:
    at = len(place.before or ())
    return lambda _args, _kwargs: at


def _index_behind_decorator(signature: CallSignature, place: ContextPlace) -> _Index:
    from monarq.shared.calls.arguments import foreign_of  # put off: msgspec is for jobs that need it
    from monarq.shared.calls.open_call import reached

    foreign = foreign_of(place.others, signature.owner)
    before = place.before or ()
    return lambda args, kwargs: sum(p in before for p in reached(place.others, foreign, len(args), kwargs))


def _awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a plain function that returns a coroutine, though it need not always: one that caches returns values."""

    @functools.wraps(function, updated=())
    async def call(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        return await value if inspect.isawaitable(value) else value

    return call
