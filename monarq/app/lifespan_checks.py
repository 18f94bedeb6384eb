"""Checks of an app's lifespans where they are given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from monarq.shared.calls.callables import name_of
from monarq.shared.errors import SettingsError


def check_lifespans(**lifespans: Any) -> None:
    """Checks the functions given as ``lifespan`` and ``cpu_lifespan``.

    Raises:
        SettingsError: one is no function, cannot be called as workers do, or is surely no context manager.
    """
    for which, given in lifespans.items():
        if given is not None and not callable(given):
            raise SettingsError(f"{which} is {given!r}: give the function itself")
        if inspect.isasyncgenfunction(given) or inspect.isgeneratorfunction(given):
            before = "@asynccontextmanager" if which == "lifespan" else "@contextmanager"
            raise SettingsError(f"{which} is {given.__qualname__}, a generator: decorate it with {before}")
        if inspect.iscoroutinefunction(given):
            told = "an async def that does not yield: make it a context manager"
            raise SettingsError(f"{which} is {given.__qualname__}, {told}")
        if given is not None and not _takes(given, 1 if which == "lifespan" else 0):
            told = "called with one argument, a WorkerInfo" if which == "lifespan" else "called without arguments"
            raise SettingsError(f"{which} is {name_of(given)}{inspect.signature(given)}, but it is {told}")


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with this number of arguments, as far as its signature is known."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # C code without a signature
        return True
    return True
