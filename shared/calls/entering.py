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


def _name_function(error: RuntimeError, function: Callable[..., Any]) -> None:
    if error.args == (_NO_YIELD,):
        raise ResourceError(
            f"{name_of(function)} ended without a yield: it must yield once, whatever it does"
        ) from None
