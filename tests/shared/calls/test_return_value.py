"""The check of a plain function's return value: work that has not been done yet is no value."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator

import pytest

from monarq.shared.calls.return_value import check_return_value


async def coroutine() -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("value", [None, 0, [], "text", range(3), iter([1]), coroutine])
def test_a_value_is_returned_as_it_is(value: object) -> None:
    assert check_return_value(value, "f") is value


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (coroutine, "f returned a coroutine, which is never awaited"),
        (generator, "f returned a generator, which has not run yet"),
        (async_generator, "f returned a generator, which has not run yet"),
    ],
)
def test_work_that_is_not_done(make: object, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a coroutine that nobody closes would warn
        with pytest.raises(TypeError, match=words):
            check_return_value(make(), "f")  # type: ignore[operator]
