"""The module in which an app is made."""

from __future__ import annotations

import sys
from types import FrameType


def calling_module(made: object) -> str:
    """The name of the module that makes an object, called by `__init__`, also if a subclass has its own `__init__`.

    Args:
        made: the object.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as namedtuple does
    while frame is not None and _initializes(frame, made):
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


def _initializes(frame: FrameType, made: object) -> bool:
    code = frame.f_code
    return code.co_name == "__init__" and any(frame.f_locals.get(name) is made for name in code.co_varnames[:1])
