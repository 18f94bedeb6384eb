"""The checks of a job's declaration: nothing is accepted whose every run would fail."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final

from monarq.shared.calls.callables import (
    is_coroutine_function,
    is_method,
    name_of,
    returns_awaitable,
    returns_generator,
)
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.signature import CallSignature
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.options import JobOptions
from monarq.shared.lane import Lane

_OWN_MODULES: Final = ("monarq.shared.jobs.decorators", "monarq.shared.options.unknown_names", "monarq.app")

_declared_at: Final[dict[str, str]] = {}
"""Where the job of each name was declared, to report two jobs of one name."""


def unwrap_declared(declared: Any) -> Callable[..., Any]:
    """The function that ``@job`` decorates.

    Raises:
        DeclarationError: it is not a function, or one that cannot be a job.
    """
    function = declared.__func__ if isinstance(declared, staticmethod) else declared
    if isinstance(function, (type, classmethod)) or not callable(function):
        raise DeclarationError(
            f"@job stands before {function!r}, which is not a function: put it before a def that does the work"
        )
    if is_method(function):
        raise DeclarationError(
            f"{declaration_site(function)}: {name_of(function)} is a method, and its object does not travel to the"
            " worker: put @job before a function outside of the class, or before a staticmethod, which makes the object"
        )
    if returns_generator(function):
        raise DeclarationError(
            f"{declaration_site(function)}: {name_of(function)} is a generator, which a job cannot be: return what"
            " it yields as a list, or enqueue a job for each"
        )
    return function


def choose_lane(function: Callable[..., Any], asked: str | Lane | None, where: str) -> Lane:
    """The lane that a function runs on.

    Args:
        function: the function.
        asked: the lane that was asked for, if any.
        where: where it is declared, for the error.

    Raises:
        DeclarationError: there is no such lane, or the function cannot run there.
    """
    is_awaited = returns_awaitable(function)
    if is_awaited and hasattr(function, "cache_info") and not is_coroutine_function(function):
        raise DeclarationError(
            f"{where}: what caches an async def, as functools.lru_cache does, gives its coroutine a second time, which"
            " cannot be awaited: cache what it returns"
        )
    if asked is None:
        return Lane.IO if is_awaited else Lane.CPU
    try:
        lane = Lane(asked)
    except ValueError:
        lanes = ", ".join(f'"{lane}"' for lane in Lane)
        raise DeclarationError(f"{where}: there is no lane {asked!r}; there are {lanes}") from None
    if lane is Lane.IO and not is_awaited:
        raise DeclarationError(f"{where}: lane={asked!r} does not fit: the io lane is for async def functions")
    # A plain wrapper of an async def may run it to its end itself.
    if lane is not Lane.IO and is_coroutine_function(function):
        raise DeclarationError(f'{where}: lane={asked!r} does not fit: an "async def" function runs on the io lane')
    return lane


def check_options(function: Callable[..., Any], options: JobOptions, where: str) -> None:
    """Checks the options of a job, and records where its name is declared.

    Raises:
        DeclarationError: its options contradict its lane, or another job has its name.
    """
    if options.lane is Lane.CPU:
        _check_reachable(function, where)
    elif options.memory_bytes is not None:
        raise DeclarationError(f"{where}: memory= limits cpu jobs only; this one runs on the {options.lane} lane")
    first = _declared_at.get(options.name)
    if first is not None and first != where:
        raise DeclarationError(
            f"{where}: a job named {options.name!r} is declared already at {first}; give one of them a name="
        )
    _declared_at[options.name] = where


def check_context(signature: CallSignature, options: JobOptions, where: str) -> None:
    """Checks that a job takes the context of its lane.

    Raises:
        DeclarationError: it takes the other one.
    """
    if signature.context_kind is SyncContext and options.lane is Lane.IO:
        raise DeclarationError(f"{where}: an async def job takes a Context; SyncContext is for plain def jobs")
    if signature.context_kind is Context and options.lane is not Lane.IO:
        raise DeclarationError(f"{where}: a plain def job takes a SyncContext; Context is for async def jobs")


def declaration_site(function: Callable[..., Any]) -> str:
    """The file and line of a declaration: of a function's source, or, of another callable, of its ``@job``."""
    if isinstance(function, (FunctionType, MethodType)):
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None:
            # A file may be reached by several paths, and its jobs are the same.
            return f"{os.path.realpath(code.co_filename)}:{code.co_firstlineno}"
    frame = sys._getframe(1)  # noqa: SLF001 - as warnings and logging do
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OWN_MODULES):
        frame = frame.f_back
    return f"{os.path.realpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def _check_reachable(function: Callable[..., Any], where: str) -> None:
    """Checks that another process can find a cpu job's function by its module and name."""
    name = name_of(function)
    if name.endswith("<lambda>"):
        raise DeclarationError(f"{where}: a lambda cannot run on the cpu lane: write it as a def in a module")
    if "<locals>" in name:
        raise DeclarationError(
            f"{where}: {name} is defined inside a function, where the cpu lane's process cannot find it: move it to the"
            " top of its module; a decorator's function needs functools.wraps to be found by the name of what it wraps"
        )
