"""What is told of a program that cannot be imported: what was raised, and where the program's own code was."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from typing import Final

_NOT_THE_PROGRAM: Final = (
    "<",
    *(f"{Path(__file__).parents[2] / part}/" for part in ("monarq", "producer", "shared", "workers")),
    *{f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")},
)
"""How the paths begin of monarq's code, and of libraries that a program calls while it is imported."""


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
