"""What a plain function returned, looked at. It imports next to nothing, as the cpu lane's process starts with it."""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, GeneratorType


def finished(value: object, name: str) -> object:
    """The value, as long as it is one.

    Raises:
        TypeError: the work has not been done yet: it is a coroutine or a generator.
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
