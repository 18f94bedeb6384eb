"""Imports objects by dotted path, ``app.jobs`` or ``app:WorkerSettings``, or explains why it cannot."""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from pathlib import Path
from pkgutil import iter_modules
from types import FrameType, ModuleType
from typing import Final

from monarq.shared.errors import (
    DeclarationError,
    EnqueueUnknownError,
    JobError,
    ProducerClosedError,
    ProducerMisusedError,
    RedisRefusedError,
    RedisUnavailableError,
    ResultNotFoundError,
    ResultTimeoutError,
    SettingsError,
    TargetError,
)
from monarq.shared.extras import missing_extra
from monarq.shared.similar_names import suggestion

_OWN_PARTS: Final = ("app", "arq", "cli", "embedded", "monitor", "producer", "shared", "targets", "workers")
"""The folders of monarq except its examples, which count as user programs."""

_FOREIGN_PATHS: Final = (
    "<",
    *(f"{Path(__file__).parents[2] / part}/" for part in _OWN_PARTS),
    *{f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")},
)
"""Path prefixes of code that is not the program's own: monarq, the standard library and installed packages."""


_ENDS_OF_SCRIPTS: Final = (
    EnqueueUnknownError,
    JobError,
    ProducerClosedError,
    ProducerMisusedError,
    RedisRefusedError,
    RedisUnavailableError,
    ResultNotFoundError,
    ResultTimeoutError,
)
"""The errors of enqueuing a job and of waiting for it."""


def import_object(path: str) -> object:
    """Imports the object at ``package.module``, ``package.module.name`` or ``package.module:name``.

    The current folder is searched first, as for a script in it.

    Raises:
        TargetError: there is no such object, or importing it failed; the message says which part.
        SettingsError: a setting in the program is invalid.
    """
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    module_path, _, name = path.partition(":")
    if not module_path or path.endswith((":", ".")) or path.startswith("."):
        raise TargetError(
            f"{path!r} is not a module path, such as app.jobs, or a name in a module, such as app:WorkerSettings"
        )
    if "/" in module_path or module_path.endswith(".py"):
        raise TargetError(f"{path!r} is a file: give the name of its module, such as app.jobs for app/jobs.py")
    try:
        return _found(path, module_path, name)
    except _NoModuleError as error:
        raise TargetError(str(error)) from error.__cause__  # the public class, whose name is shown


def _found(path: str, module_path: str, name: str) -> object:
    if name:
        return _attribute(_import(module_path), name, path)
    try:
        return _import(module_path)
    except _NoModuleError as missing:
        parent, _, last = module_path.rpartition(".")
        if not parent:
            raise
        try:
            module = _import(parent)
        except _NoModuleError:
            raise missing from None
        return _attribute(module, last, path)


class _NoModuleError(TargetError):
    """The module itself does not exist, rather than one that it imports."""


def _import(module_path: str) -> ModuleType:
    try:
        return importlib.import_module(module_path)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_path == error.name or module_path.startswith(error.name + ".")):
            raise _NoModuleError(
                f"there is no module {error.name!r} (looked in {Path.cwd()} and on the Python path)"
                f"{suggestion(error.name, _modules_beside(error.name))}"
            ) from error
        what = missing_extra(error, "it") or f"it needs {error.name!r}, which is not installed"
        raise TargetError(f"{module_path} cannot be imported: {what}{source_location(error)}") from error
    except SettingsError as error:
        raise SettingsError(f"{module_path} cannot be imported: {error}{source_location(error)}") from error
    except DeclarationError as error:
        # Its text already names the place.
        raise TargetError(f"{module_path} cannot be imported: {error}") from error
    except SystemExit as error:
        raise TargetError(
            f"{module_path} exited while it was imported: {describe_error(error)}{source_location(error)}"
        ) from error
    except Exception as error:
        why = f"{describe_error(error)}{source_location(error)}{_advice(error, module_path)}"
        raise TargetError(f"{module_path} cannot be imported: {why}") from error


def _advice(error: Exception, module_path: str) -> str:
    """What to do if importing the module runs a script, or it is named without its package; '' for other errors."""
    if isinstance(error, _ENDS_OF_SCRIPTS):
        return (
            ": importing it runs code that enqueues jobs or waits for them; put that code under"
            ' if __name__ == "__main__":'
        )
    if not isinstance(error, ImportError) or "no known parent package" not in str(error):
        return ""
    folder = Path.cwd()
    return f": it is part of a package: use {folder.name}.{module_path}, from the folder {folder.parent}"


def _modules_beside(name: str) -> list[str]:
    """The modules in the package of a missing module, or in the current folder, by their dotted names."""
    parent, dot, _ = name.rpartition(".")
    folders = getattr(sys.modules.get(parent), "__path__", ()) if dot else [str(Path.cwd())]
    return [f"{parent}{dot}{each.name}" for each in iter_modules(folders)]


def _attribute(module: ModuleType, name: str, path: str) -> object:
    found: object = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = suggestion(part, [each for each in dir(found) if not each.startswith("_")])
            raise TargetError(f"{path}: the module {module.__name__} has no {name!r}{near}")
        found = getattr(found, part)
    return found


def describe_error(error: BaseException) -> str:
    """The error's type and text, on one line."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def source_location(error: BaseException) -> str:
    """The last line of the program's own code in the traceback, as `` (in /app/jobs.py, line 7)``; '' for none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" (in {error.filename}, line {error.lineno})"
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(name, line) for name, line in lines if not name.startswith(_FOREIGN_PATHS)]
    return f" (in {own[-1][0]}, line {own[-1][1]})" if own else ""


def imported_module(frame: FrameType | None) -> str:
    """The program's module that a thread is importing, as ``app.jobs (/app/jobs.py, line 7)``; '' for none.

    Args:
        frame: the thread's innermost frame.
    """
    for each, line in traceback.walk_stack(frame) if frame else ():
        code = each.f_code
        if code.co_name == "<module>" and not code.co_filename.startswith(_FOREIGN_PATHS):
            return f"{each.f_globals.get('__name__')} ({code.co_filename}, line {line})"
    return ""
