"""The check of a plain function's return value. It imports next to nothing, so that a CPU child starts quickly."""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, GeneratorType


def check_return_value(value: object, name: str) -> object:
    """Returns the value, checked.

    Raises:
        TypeError: it is a coroutine or a generator, so the work has not been done yet.
    """
    if isinstance(value, CoroutineType):
        value.close()
        raise TypeError(
            f"{name} returned a coroutine, which is never awaited: make it an async def, or use functools.wraps in its"
            " decorator, so that @job sees the async def behind it"
        )
    if isinstance(value, (GeneratorType, AsyncGeneratorType)):
        raise TypeError(f"{name} returned a generator, which has not run yet: return list(...) of it")
    return value
