"""Enters context managers, and names the function of one that ends without a yield, which contextlib does not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, ExitStack
from typing import Any, Final, TypeVar

from monarq.shared.calls.callables import name_of
from monarq.shared.errors import ResourceError

T = TypeVar("T")

_NO_YIELD: Final = "generator didn't yield"


async def enter_async(
    stack: AsyncExitStack, manager: AbstractAsyncContextManager[T], function: Callable[..., Any]
) -> T:
    """Enters an asyncio context manager that `function` returned.

    Raises:
        ResourceError: the function ended without a yield.
        BaseException: whatever it raises.
    """
    try:
        return await stack.enter_async_context(manager)
    except RuntimeError as error:
        _name_function(error, function)
        raise


def enter(stack: ExitStack | AsyncExitStack, manager: AbstractContextManager[T], function: Callable[..., Any]) -> T:
    """Enters a context manager that `function` returned.

    Raises:
        ResourceError: the function ended without a yield.
        BaseException: whatever it raises.
    """
    try:
        return stack.enter_context(manager)
    except RuntimeError as error:
        _name_function(error, function)
        raise


async def enter_lifespan_async(stack: AsyncExitStack, made: Any, function: Callable[..., Any]) -> Any:
    """Enters what a lifespan returned, which must be an asyncio context manager.

    Raises:
        ResourceError: it is none, or the function ended without a yield.
        BaseException: whatever the lifespan raises.
    """
    if not isinstance(made, AbstractAsyncContextManager):
        raise ResourceError(_no_manager("lifespan", made, function, "an async context manager", "@asynccontextmanager"))
    return await enter_async(stack, made, function)


def enter_lifespan(stack: ExitStack | AsyncExitStack, made: Any, function: Callable[..., Any]) -> Any:
    """Enters what a lifespan of the cpu lane returned, which must be a plain context manager.

    Raises:
        ResourceError: it is none, or the function ended without a yield.
        BaseException: whatever the lifespan raises.
    """
    if not isinstance(made, AbstractContextManager):
        raise ResourceError(_no_manager("cpu_lifespan", made, function, "a context manager", "@contextmanager"))
    return enter(stack, made, function)


def _no_manager(which: str, made: object, function: Callable[..., Any], wanted: str, decorator: str) -> str:
    return (
        f"{which} {name_of(function)} returned {type(made).__qualname__} and not {wanted}: yield the dict of resources"
        f" instead of returning it, and decorate the function with {decorator}"
    )


def _name_function(error: RuntimeError, function: Callable[..., Any]) -> None:
    if error.args == (_NO_YIELD,):
        raise ResourceError(
            f"{name_of(function)} ended without a yield: it must yield once, whatever it does"
        ) from None
