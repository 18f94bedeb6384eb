"""Parameters: which of them positional arguments reach through a decorator, and where a context goes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from monarq.shared.calls.parameters import context_position, reached_parameters


def two(a: int, b: int) -> None: ...
def session_first(session: object, a: int, b: int) -> None: ...
def session_last(a: int, b: int, session: object) -> None: ...
def with_default(a: int, b: int, c: int = 0) -> None: ...
def keyword_only(a: int, *, b: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "unsendable", "count", "names", "reached"),
    [
        (two, (), 2, (), "ab"),
        (two, (), 1, (), "b"),  # the decorator adds the first one
        (two, (), 1, ("b",), "ab"),
        (session_first, ("session",), 2, (), "ab"),
        (session_last, ("session",), 2, (), "ab"),
        (session_last, ("session",), 1, ("b",), "ab"),
        (session_last, (), 2, (), ("b", "session")),
        (with_default, (), 2, (), "abc"),
        (with_default, (), 1, (), "bc"),
        (keyword_only, (), 1, ("b",), "a"),
    ],
)
def test_the_parameters_that_arguments_reach(
    function: Callable[..., Any], unsendable: tuple[str, ...], count: int, names: tuple[str, ...], reached: Any
) -> None:
    parameters = list(inspect.signature(function).parameters.values())
    found = reached_parameters(parameters, unsendable, count, names)
    assert [parameter.name for parameter in found] == list(reached)


def in_front(ctx: object, a: int) -> None: ...
def in_the_middle(a: int, ctx: object, b: int) -> None: ...
def behind_a_default(a: int = 5, ctx: object = None) -> None: ...
def by_keyword(a: int, *, ctx: object) -> None: ...
def by_position(a: int = 5, ctx: object = None, /) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "placed"),
    [
        (in_front, (1,), (("C", 1), {})),
        (in_the_middle, (1, 2), ((1, "C", 2), {})),
        (behind_a_default, (1,), ((1, "C"), {})),
        (behind_a_default, (), ((), {"ctx": "C"})),
        (by_keyword, (1,), ((1,), {"ctx": "C"})),
        (by_position, (), ((5, "C"), {})),
    ],
)
def test_the_context_among_the_arguments(function: Callable[..., Any], args: tuple[Any, ...], placed: Any) -> None:
    parameters = tuple(inspect.signature(function).parameters.values())
    context = next(parameter for parameter in parameters if parameter.name == "ctx")
    position = context_position(context, parameters, is_wrapped=False)
    assert position.put("C", args, {}, len(position.before or ())) == placed
    function(*placed[0], **placed[1])
