"""The check of a plain function's return value. It imports next to nothing: the start of a CPU child waits for it."""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, GeneratorType


def check_return_value(value: object, name: str) -> object:
    """Returns the value.

    Raises:
        TypeError: it is a coroutine or a generator, so the work has not been done yet.
    """
    if isinstance(value, CoroutineType):
        value.close()
        raise TypeError(
            f"{name} returned a coroutine, which nobody awaits: make it an async def, or have its decorator use"
            " functools.wraps, so that @job sees the async def behind it"
        )
    if isinstance(value, (GeneratorType, AsyncGeneratorType)):
        raise TypeError(f"{name} returned a generator, which has done nothing yet: return list(...) of it")
    return value
