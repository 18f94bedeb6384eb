"""The checks of a job's declaration, so that mistakes are reported there and not in every run."""

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
"""Where the job of each name was declared, to report two jobs with the same name."""


def unwrap_declared(declared: Any) -> Callable[..., Any]:
    """The function that ``@job`` decorates.

    Raises:
        DeclarationError: it is not a function, or one that cannot be a job.
    """
    function = declared.__func__ if isinstance(declared, staticmethod) else declared
    if isinstance(function, (type, classmethod)) or not callable(function):
        raise DeclarationError(
            f"@job decorates {function!r}, which is not a function: put it on a def that does the work"
        )
    if is_method(function):
        raise DeclarationError(
            f"{declaration_site(function)}: {name_of(function)} is a method, and its object is not sent to the"
            " worker: put @job on a function outside the class, or on a staticmethod, and create the object in it"
        )
    if returns_generator(function):
        raise DeclarationError(
            f"{declaration_site(function)}: {name_of(function)} is a generator, which cannot be a job: return a list"
            " of what it yields, or enqueue one job for each item"
        )
    return function


def choose_lane(function: Callable[..., Any], asked: str | Lane | None, where: str) -> Lane:
    """The lane that a function runs on.

    Args:
        function: the function.
        asked: the requested lane, if any.
        where: where it is declared, for the error.

    Raises:
        DeclarationError: there is no such lane, or the function cannot run there.
    """
    is_awaited = returns_awaitable(function)
    if is_awaited and hasattr(function, "cache_info") and not is_coroutine_function(function):
        raise DeclarationError(
            f"{where}: a cache around an async def, such as functools.lru_cache, returns the same coroutine again,"
            " which cannot be awaited twice: cache the result instead"
        )
    if asked is None:
        return Lane.IO if is_awaited else Lane.CPU
    try:
        lane = Lane(asked)
    except ValueError:
        lanes = ", ".join(f'"{lane}"' for lane in Lane)
        raise DeclarationError(f"{where}: there is no lane {asked!r}; the lanes are {lanes}") from None
    if lane is Lane.IO and not is_awaited:
        raise DeclarationError(f"{where}: lane={asked!r} does not fit a plain def: the io lane is for async def")
    # A plain wrapper of an async def may itself run it to completion.
    if lane is not Lane.IO and is_coroutine_function(function):
        raise DeclarationError(f"{where}: lane={asked!r} does not fit an async def: it runs on the io lane")
    return lane


def check_options(function: Callable[..., Any], options: JobOptions, where: str) -> None:
    """Checks the options of a job, and records where it is declared.

    Raises:
        DeclarationError: its options do not fit its lane, or another job has the same name.
    """
    if options.lane is Lane.CPU:
        _check_reachable(function, where)
    elif options.memory_bytes is not None:
        raise DeclarationError(f"{where}: memory= is for cpu jobs only; this one runs on the {options.lane} lane")
    first = _declared_at.get(options.name)
    if first is not None and first != where:
        raise DeclarationError(
            f"{where}: a job named {options.name!r} is already declared at {first}: give one of them another name=,"
            " or its App a prefix: App(prefix=...)"
        )
    _declared_at[options.name] = where


def check_context(signature: CallSignature, options: JobOptions, where: str) -> None:
    """Checks that a job takes the kind of context that its lane provides.

    Raises:
        DeclarationError: it takes the other kind.
    """
    if signature.context_kind is SyncContext and options.lane is Lane.IO:
        raise DeclarationError(f"{where}: an async def job takes a Context; SyncContext is for plain def jobs")
    if signature.context_kind is Context and options.lane is not Lane.IO:
        raise DeclarationError(f"{where}: a plain def job takes a SyncContext; Context is for async def jobs")


def declaration_site(function: Callable[..., Any]) -> str:
    """The file and line of a declaration: of a function's source or, for another callable, of its ``@job``."""
    if isinstance(function, (FunctionType, MethodType)):
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None:
            # A file may be reached by several paths, but its jobs are the same.
            return f"{os.path.realpath(code.co_filename)}:{code.co_firstlineno}"
    frame = sys._getframe(1)  # noqa: SLF001 - as warnings and logging do
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OWN_MODULES):
        frame = frame.f_back
    return f"{os.path.realpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def _check_reachable(function: Callable[..., Any], where: str) -> None:
    """Checks that another process can find a cpu job's function by its module and name."""
    name = name_of(function)
    if name.endswith("<lambda>"):
        raise DeclarationError(f"{where}: a lambda cannot run on the cpu lane: write a def at the top of a module")
    if "<locals>" in name:
        raise DeclarationError(
            f"{where}: {name} is defined inside a function, where the cpu lane's process cannot find it: move it to the"
            " top of its module, or, if a decorator returned it, use functools.wraps in the decorator"
        )
