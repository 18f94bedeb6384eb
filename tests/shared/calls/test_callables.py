"""Callables: what a call of a function, method, partial, object or decorated one takes and returns."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from types import FunctionType
from typing import Any

import pytest

from monarq.shared.calls.callables import (
    ANY_ARGUMENTS,
    is_coroutine_function,
    is_method,
    name_of,
    returns_awaitable,
    returns_generator,
    signature_of,
    unpartial,
    wrapper_layers,
)


async def coroutine(a: int, b: int = 0) -> None: ...


def plain(a: int, b: int = 0) -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


def says_awaitable() -> Awaitable[int]:
    raise NotImplementedError


def says_coroutine() -> Coroutine[Any, Any, int]:
    raise NotImplementedError


def says_task() -> asyncio.Task[int]:
    raise NotImplementedError


def says_iterator() -> AsyncIterator[int]:
    raise NotImplementedError


class Thing:
    def method(self) -> None: ...

    @classmethod
    def of_class(cls) -> None: ...

    @staticmethod
    def static(a: int) -> None: ...

    async def later(self) -> None: ...

    def many(self) -> Iterator[int]:
        yield 1


class Called:
    def __call__(self, a: int) -> None: ...


class CalledLater:
    async def __call__(self, a: int) -> None: ...


class CalledMany:
    def __call__(self) -> Iterator[int]:
        yield 1


class Proxy:
    """Passes for a plain function, as wrapt's proxies do, and may call it with other arguments."""

    __class__ = property(lambda self: FunctionType)  # type: ignore[assignment]
    __code__, __defaults__, __kwdefaults__, __annotations__ = plain.__code__, None, None, plain.__annotations__
    __name__ = "plain"

    def __call__(self, *args: Any) -> None: ...


def passing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """A plain wrapper."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def awaiting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper that is an ``async def``."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any: ...

    return wrapper


def running(function: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper that runs the coroutine to its end."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return asyncio.run(function(*args, **kwargs))

    return wrapper


def running_on_a_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return asyncio.new_event_loop().run_until_complete(function(*args, **kwargs))

    return wrapper


def with_signature(function: Callable[..., Any]) -> Callable[..., Any]:
    wrapped = passing_on(function)
    wrapped.__signature__ = inspect.signature(plain)  # type: ignore[attr-defined]
    return wrapped


cached = functools.lru_cache(plain)
wrapped_thing = passing_on(Thing().later)


@pytest.mark.parametrize(
    ("function", "layers"),
    [
        (plain, ["plain"]),
        (passing_on(plain), ["wrapper", "plain"]),
        (passing_on(awaiting(coroutine)), ["wrapper", "wrapper", "coroutine"]),
        (with_signature(plain), ["wrapper"]),
        (wrapped_thing, ["wrapper", "later"]),
    ],
    ids=range(5),
)
def test_the_layers_from_the_outermost(function: Callable[..., Any], layers: list[str]) -> None:
    assert [layer.__code__.co_name for layer in wrapper_layers(function)] == layers


def test_layers_behind_partials_and_methods_keep_what_those_give() -> None:
    class Decorated:
        @passing_on
        def method(self, a: int, b: int) -> tuple[object, int, int]:
            return self, a, b

    thing = Decorated()
    _, inner = wrapper_layers(functools.partial(thing.method, 1))
    assert inner(2) == (thing, 1, 2)
    assert list(signature_of(inner).parameters) == ["b"]


def test_a_wrapper_that_is_written_in_c_is_no_layer() -> None:
    assert list(wrapper_layers(cached)) == [plain]
    assert list(wrapper_layers(functools.lru_cache(len))) == [len]


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (plain, ["a", "b"]),
        (passing_on(plain), ["args", "kwargs"]),
        (with_signature(coroutine), ["a", "b"]),
        (functools.partial(plain, 1), ["b"]),
        (Thing().method, []),
        (Thing.method, ["self"]),
        (Called(), ["a"]),
    ],
    ids=range(7),
)
def test_the_signature_of_a_layer_itself(function: Callable[..., Any], parameters: list[str]) -> None:
    assert list(signature_of(function).parameters) == parameters


@pytest.mark.parametrize("function", [dict, max, Proxy()], ids=range(3))
def test_what_does_not_show_its_signature_takes_anything(function: Callable[..., Any]) -> None:
    assert signature_of(function) == ANY_ARGUMENTS
    ANY_ARGUMENTS.bind(1, 2, x=3)


@pytest.mark.parametrize(
    ("function", "is_one", "awaitable"),
    [
        (coroutine, True, True),
        (plain, False, False),
        (functools.partial(functools.partial(coroutine, 1), 2), True, True),
        (functools.partial(plain, 1), False, False),
        (Thing().later, True, True),
        (Thing().method, False, False),
        (CalledLater(), True, True),
        (functools.partial(CalledLater(), 1), True, True),
        (Called(), False, False),
        (CalledLater, False, False),
        (passing_on(coroutine), False, True),
        (passing_on(passing_on(coroutine)), False, True),
        (passing_on(plain), False, False),
        (awaiting(plain), True, True),
        (running(coroutine), False, False),
        (running_on_a_loop(coroutine), False, False),
        (passing_on(running(coroutine)), False, False),
        (awaiting(running(coroutine)), True, True),
        (wrapped_thing, False, True),
        (cached, False, False),
        (functools.lru_cache(coroutine), False, True),
        (says_awaitable, False, True),
        (says_coroutine, False, True),
        (says_task, False, True),
        (says_iterator, False, False),
        (async_generator, False, False),
        (len, False, False),
    ],
    ids=range(27),
)
def test_whether_the_result_is_awaited(function: Callable[..., Any], is_one: bool, awaitable: bool) -> None:
    assert (is_coroutine_function(function), returns_awaitable(function)) == (is_one, awaitable)


@pytest.mark.parametrize(
    ("function", "returns"),
    [
        (generator, True),
        (async_generator, True),
        (functools.partial(generator), True),
        (Thing().many, True),
        (CalledMany(), True),
        (plain, False),
        (coroutine, False),
        (says_iterator, False),
        (Called(), False),
        (CalledMany, False),
    ],
    ids=range(10),
)
def test_whether_it_only_returns_a_generator(function: Callable[..., Any], returns: bool) -> None:
    assert returns_generator(function) is returns


def local_class() -> type:
    class Local:
        def method(self) -> None: ...

        @passing_on
        def decorated(self) -> None: ...

    return Local


def local_function(self: object) -> Callable[..., None]:
    def inner(self: object) -> None: ...

    return inner


Local: Any = local_class()


@pytest.mark.parametrize(
    ("function", "is_one"),
    [
        (Thing.method, True),
        (Thing.later, True),
        (Local.method, True),
        (Local.decorated, True),
        (vars(Thing)["of_class"].__func__, True),
        (Thing.static, False),
        (Thing().method, False),
        (Thing.of_class, False),
        (local_function, False),
        (local_function(None), False),
        (plain, False),
        (passing_on(plain), False),
        (Called(), False),
        (len, False),
    ],
    ids=range(14),
)
def test_whether_it_is_a_method_that_has_no_object_yet(function: Callable[..., Any], is_one: bool) -> None:
    assert is_method(function) is is_one


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (plain, "plain"),
        (passing_on(plain), "plain"),
        (functools.partial(functools.partial(plain, 1), 2), "plain"),
        (Thing().method, "Thing.method"),
        (Local.method, "local_class.<locals>.Local.method"),
        (Called(), "Called"),
        (functools.partial(Called(), 1), "Called"),
        (Called, "Called"),
        (len, "len"),
    ],
    ids=range(9),
)
def test_the_name_in_the_source(function: Callable[..., Any], name: str) -> None:
    assert name_of(function) == name


def test_the_function_behind_partials() -> None:
    assert unpartial(functools.partial(functools.partial(plain, 1), b=2)) is plain
    assert unpartial(passing_on(plain)) is not plain
    assert unpartial(None) is None
