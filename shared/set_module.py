"""The module that a public class shows: the one that users import it from, as numpy's and pandas' classes do.

Python prints an exception with its ``__module__``, and monarq's texts, spans and dead letters do the same. Only
exceptions are treated so: the annotations of other classes are evaluated in the module that their ``__module__`` names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

K = TypeVar("K", bound=type)

_DEFINED_IN: Final[dict[type, str]] = {}


def set_module(module: str) -> Callable[[K], K]:
    """A decorator that gives a class the module that exports it.

    Args:
        module: the module, which has the class under its own name.
    """

    def decorate(kind: K) -> K:
        _DEFINED_IN[kind] = kind.__module__
        kind.__module__ = module
        return kind

    return decorate


def defining_module(kind: type) -> str:
    """The module that defines a class."""
    return _DEFINED_IN.get(kind, kind.__module__)
