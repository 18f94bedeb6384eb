"""Objects by their dotted paths: ``app.jobs`` or ``app:WorkerSettings``, and why a program cannot be imported."""

from __future__ import annotations

import importlib
import sys
import sysconfig
import traceback
from pathlib import Path
from types import ModuleType
from typing import Final

from monarq.shared.errors import DeclarationError, SettingsError, TargetError

_NOT_THE_PROGRAM: Final = (
    "<",
    *(f"{Path(__file__).parents[2] / part}/" for part in ("monarq", "producer", "shared", "workers")),
    *{f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")},
)
"""How the paths begin of monarq's code, and of libraries that a program calls while it is imported."""


def find_object(path: str) -> object:
    """What stands at ``package.module``, ``package.module.name`` or ``package.module:name``.

    The current folder is searched first, as for a script that lies in it.

    Raises:
        TargetError: there is nothing, or importing it failed; the message says which part.
    """
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    module_path, _, name = path.partition(":")
    if not module_path or path.endswith((":", ".")) or path.startswith("."):
        raise TargetError(f"{path!r} is no path of a module or of a name in it, such as app.jobs or app:WorkerSettings")
    if "/" in module_path or module_path.endswith(".py"):
        raise TargetError(f"{path!r} is a file: give the module as Python names it, such as app.jobs for app/jobs.py")
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
    """The module of this very name does not exist."""


def _import(module_path: str) -> ModuleType:
    try:
        return importlib.import_module(module_path)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_path == error.name or module_path.startswith(error.name + ".")):
            raise _NoModuleError(
                f"there is no module {error.name!r} (looked in {Path.cwd()} and on the Python path)"
            ) from error
        what = f"it needs {error.name!r}, which is not there"
        raise TargetError(f"{module_path} cannot be imported: {what}{place_of(error)}") from error
    except SettingsError as error:
        raise SettingsError(f"{module_path} cannot be imported: {error}{place_of(error)}") from error
    except DeclarationError as error:
        # It says itself where it stands.
        raise TargetError(f"{module_path} cannot be imported: {error}") from error
    except SystemExit as error:
        raise TargetError(
            f"{module_path} ended the process when it was imported: {said(error)}{place_of(error)}"
        ) from error
    except Exception as error:
        raise TargetError(
            f"{module_path} cannot be imported: {said(error)}{place_of(error)}{_to_do(error, module_path)}"
        ) from error


def _to_do(error: Exception, module_path: str) -> str:
    """What helps where a module of a package is named without the package; '' elsewhere."""
    if not isinstance(error, ImportError) or "no known parent package" not in str(error):
        return ""
    folder = Path.cwd()
    return f": it is part of a package: name it {folder.name}.{module_path}, in the folder {folder.parent}"


def _attribute(module: ModuleType, name: str, path: str) -> object:
    found: object = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise TargetError(f"{path}: the module {module.__name__} has no {name!r}")
        found = getattr(found, part)
    return found


def said(error: BaseException) -> str:
    """The error's type and its text."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place_of(error: BaseException) -> str:
    """The last line of the program's own on the way to the error, as `` (in /app/jobs.py, line 7)``; '' for none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" (in {error.filename}, line {error.lineno})"
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(name, line) for name, line in lines if not name.startswith(_NOT_THE_PROGRAM)]
    return f" (in {own[-1][0]}, line {own[-1][1]})" if own else ""
