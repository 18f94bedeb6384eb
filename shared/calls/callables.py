"""Inspection of callables: decorators, partials, methods and objects, layer by layer from the outermost."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import FunctionType, MethodType
from typing import Any, Final, get_origin

from monarq.shared.calls.type_hints import resolve_hint

ANY_ARGUMENTS: Final = inspect.Signature(
    [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)
"""The signature assumed for callables that do not expose theirs."""

_read: Callable[..., inspect.Signature] = inspect.signature
if sys.version_info >= (3, 14):
    # Annotations are evaluated when they are read, and may use names that exist for type checkers only.
    from annotationlib import Format

    _read = functools.partial(inspect.signature, annotation_format=Format.FORWARDREF)

_LOOP_RUNNERS: Final = frozenset({"run_until_complete", "async_to_sync", "run_coroutine_threadsafe"})


def wrapper_layers(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The callable and those that it wraps, as `functools.wraps` records, down to one with a ``__signature__``."""
    layer: Callable[..., Any] | None = function
    while layer is not None:
        inner = None if hasattr(layer, "__signature__") else _inner_of(layer)
        # A wrapper written in C, above all functools.lru_cache, passes its arguments on.
        if inner is None or _own_signature(layer) is not None:
            yield layer
        layer = inner


def signature_of(layer: Callable[..., Any]) -> inspect.Signature:
    """The signature of this layer itself, not of what it wraps."""
    return _own_signature(layer) or ANY_ARGUMENTS


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Whether it is an ``async def`` itself, or an object whose ``__call__`` is one."""
    bare = unpartial(function)
    return inspect.iscoroutinefunction(bare) or inspect.iscoroutinefunction(type(bare).__call__)


def returns_awaitable(function: Callable[..., Any]) -> bool:
    """Whether the result of a call must be awaited: an ``async def``, or a plain wrapper of one."""
    for layer in wrapper_layers(function):
        if is_coroutine_function(layer) or _says_awaitable(layer):
            return True
        if _runs_a_loop(layer):
            return False
    return False


def returns_generator(function: Callable[..., Any]) -> bool:
    """Whether a call only returns a generator, asynchronous or not."""
    bare = unpartial(function)
    return any(
        inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in (bare, type(bare).__call__)
    )


def is_method(function: Callable[..., Any]) -> bool:
    """Whether it is a function in a class body whose first parameter is the object or the class."""
    if not isinstance(function, FunctionType) or "." not in function.__qualname__.rpartition("<locals>.")[2]:
        return False
    return next(iter(signature_of(list(wrapper_layers(function))[-1]).parameters), "") in ("self", "cls")


def name_of(function: Callable[..., Any]) -> str:
    """Its qualified name in the source; for an object, that of its class."""
    bare = unpartial(function)
    return str(getattr(bare, "__qualname__", type(bare).__qualname__))


def unpartial(function: Any) -> Any:
    """The function behind partials."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _inner_of(layer: Callable[..., Any]) -> Callable[..., Any] | None:
    if isinstance(layer, functools.partial):
        inner = _inner_of(layer.func)
        return None if inner is None else functools.partial(inner, *layer.args, **layer.keywords)
    if isinstance(layer, MethodType):
        inner = _inner_of(layer.__func__)
        return None if inner is None else MethodType(inner, layer.__self__)
    found: Callable[..., Any] | None = getattr(layer, "__wrapped__", None)
    return found if callable(found) else None


def _own_signature(layer: Callable[..., Any]) -> inspect.Signature | None:
    own_type: type = type(layer)
    if inspect.isfunction(layer) and own_type is not FunctionType:
        return ANY_ARGUMENTS  # a proxy, such as wrapt's, shows the inner signature and may pass other arguments
    try:
        return _read(layer, follow_wrapped=False)
    except (TypeError, ValueError):
        return None


def _says_awaitable(layer: Callable[..., Any]) -> bool:
    returned = resolve_hint(signature_of(layer).return_annotation, layer)
    origin = get_origin(returned) or returned
    return isinstance(origin, type) and issubclass(origin, Awaitable)


def _runs_a_loop(layer: Callable[..., Any]) -> bool:
    """Whether a plain wrapper seems to run the coroutine itself, as ``asyncio.run(function(...))`` does."""
    code = getattr(unpartial(layer), "__code__", None)
    names = set(code.co_names) if code else set()
    return bool(names & _LOOP_RUNNERS) or ("run" in names and bool(names & {"asyncio", "anyio", "trio", "uvloop"}))
