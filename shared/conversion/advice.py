"""What a value is that cannot be sent, and what to do instead."""

from __future__ import annotations

import collections
import collections.abc
import functools
import inspect
import io
import sys
import types
from enum import Enum
from typing import Any, Final

from monarq.shared.conversion.form import ATOMS, REGISTERED
from monarq.shared.conversion.kinds import is_named_tuple, is_record
from monarq.shared.conversion.scalars import SCALARS
from monarq.shared.stand_ins import REAL, real_class

_NEVER: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (type, "a class cannot be sent: pass its name as text"),
    (types.ModuleType, "a module cannot be sent: pass its name as text"),
    (io.IOBase, "an open file cannot be sent: pass its path or its contents"),
    (
        (collections.abc.Awaitable, collections.abc.AsyncIterator),
        "what is to be awaited cannot be sent: await it first, and pass its result",
    ),
    (
        (collections.abc.Iterator, collections.abc.KeysView, collections.abc.ValuesView, collections.abc.ItemsView),
        "an iterator or a view cannot be sent: pass a list of its items",
    ),
    (range, "a range cannot be sent: pass a list, or its numbers"),
    (memoryview, "a memoryview cannot be sent: pass bytes"),
)
"""For values that no annotation helps to send: their types, and what to do instead."""


def never_sent(value: Any) -> str:
    """Why a value cannot be sent whatever its annotation is, and what to do; '' for other values."""
    kind = type(value)  # not isinstance: an object may do anything where its attributes are read
    for kinds, advice in _NEVER:
        if issubclass(kind, kinds):
            return advice
    if kind is functools.partial or (callable(value) and inspect.getattr_static(value, "__qualname__", None)):
        return "a function cannot be sent: pass its name as text, and look it up in the job"
    return ""


def not_plain(value: Any) -> str:
    """Why a value cannot be sent without an annotation, and what to do."""
    kind = real_class(type(value))
    name = kind.__qualname__
    one = article(name)
    if kind is tuple:
        return "a tuple would come back as a list: pass a list, or annotate it as tuple[...]"
    if kind in (set, frozenset):
        return f"{one} would come back as a list: pass a list, or annotate it as {name}[...]"
    if kind is REAL[0]:
        came = "text" if value.tzinfo is None else "the same instant in UTC"
        return f"this datetime would come back as {came}: annotate it as datetime, or pass one with tzinfo=datetime.UTC"
    if issubclass(kind, Enum):
        return f"{one} would come back as its value: annotate it as {name}, or pass its value"
    is_known = _is_known(kind)
    base = next((base for base in (*ATOMS, list, dict) if base is not bool and issubclass(kind, base)), None)
    if base is not None:
        annotate = f"annotate it as {name}, or " if is_known else ""
        return f"{one} would come back as a {base.__name__}: {annotate}pass a {base.__name__}"
    if is_known:
        return f"{one} would not come back as {one}: annotate it as {name}, or pass numbers, text, lists and dicts"
    return never_sent(value) or (
        f"{one} would not come back as {one}: pass numbers, text, lists and dicts; or make {name} a dataclass or call"
        f" monarq.register_type({name}, encode=..., decode=...), and annotate it as {name}"
    )


def article(name: str) -> str:
    """A type's name with its article."""
    return f"{'an' if name[:1] in 'AEIOaeio' else 'a'} {name}"


def _is_known(kind: type) -> bool:
    """Whether values of a class can be sent if they are annotated with it."""
    if kind in SCALARS or kind in REGISTERED or kind is collections.deque or is_record(kind):
        return True
    if issubclass(kind, BaseException) or is_named_tuple(kind):
        return True
    pydantic, numpy = sys.modules.get("pydantic"), sys.modules.get("numpy")
    is_model = hasattr(pydantic, "BaseModel") and issubclass(kind, pydantic.BaseModel)  # type: ignore[union-attr]
    return is_model or (hasattr(numpy, "generic") and issubclass(kind, numpy.generic))  # type: ignore[union-attr]
