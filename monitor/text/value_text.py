"""Values as text for people, like Python's repr, up to a maximum length.

It accepts the values that msgpack decodes and those that `pickle_fields` finds in a pickle. They may be hostile: nested
a thousand levels deep, self-referential, or with the same large part a million times. No code of a value is run.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from monarq.shared.payloads.pickle_fields import Called, Items, Named

LONGEST: Final = 10_000
"""The default maximum length of a value, in characters."""

DEEPEST: Final = 20

_DATETIME: Final = struct.Struct(">HBBBBBBH")
"""The pickled state of a datetime."""

_BRACKETS: Final = {"dict": ("{", "}"), "list": ("[", "]"), "tuple": ("(", ")"), "set": ("{", "}")}
_OF_TYPE: Final[Mapping[type, str]] = {dict: "dict", list: "list", tuple: "tuple", set: "set"}


def value_text(value: object, longest: int = LONGEST) -> str:
    """A value as text; cut text ends with an ellipsis."""
    return _join(_pieces(value, longest, 0), longest)


def call_text(args: object, kwargs: object, longest: int = LONGEST) -> str:
    """Arguments as written in a call: ``1, 'b', name='value'``."""
    return _join(_call_pieces(args, kwargs, longest), longest)


def _join(pieces: Iterable[str], longest: int) -> str:
    taken: list[str] = []
    length = 0
    for piece in pieces:
        taken.append(piece)
        length += len(piece)
        if length > longest:
            return "".join(taken)[:longest] + "…"
    return "".join(taken)


def _call_pieces(args: object, kwargs: object, longest: int) -> Iterator[str]:
    separator = ""
    for value in _items_of(args)[1]:
        yield separator
        yield from _pieces(value, longest, 1)
        separator = ", "
    named = _items_of(kwargs)[1]
    for name, value in zip(named[::2], named[1::2], strict=False):
        yield f"{separator}{name if isinstance(name, str) else value_text(name, 100)}="
        yield from _pieces(value, longest, 1)
        separator = ", "


def _pieces(value: object, longest: int, depth: int) -> Iterator[str]:
    kind, items = _items_of(value)
    if kind:
        yield from _container_pieces(kind, items, longest, depth)
    elif isinstance(value, Called):
        yield from _called_pieces(value, longest, depth)
    elif isinstance(value, (str, bytes)):
        yield repr(value[: longest + 1])
    elif isinstance(value, Named):
        yield value.name.removeprefix("builtins.")
    elif isinstance(value, int) and abs(value) >> 10_000:
        yield "<a very large number>"
    elif value is None or isinstance(value, (bool, int, float)):
        yield repr(value)
    elif isinstance(value, msgspec.msgpack.Ext):
        yield f"<{memoryview(value.data).nbytes:,} bytes of extension type {value.code}>"
    else:
        yield str(value) if type(value).__module__ in ("datetime", "uuid", "decimal") else "<something>"


def _called_pieces(value: Called, longest: int, depth: int) -> Iterator[str]:
    arguments = _items_of(value.arguments)[1]
    state = arguments[0] if arguments else None
    if value.name == "datetime.datetime" and isinstance(state, bytes) and len(state) == _DATETIME.size:
        year, month, day, hour, minute, second, high, low = _DATETIME.unpack(state)
        yield f"{year}-{month & 0x7F:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{high << 16 | low:06}"
        return
    yield value.name.removeprefix("builtins.")
    if len(arguments) == 1:
        yield "("
        yield from _pieces(arguments[0], longest, depth + 1)
        yield ")"
    elif arguments:
        yield from _pieces(value.arguments, longest, depth + 1)
    else:
        yield "()"


def _container_pieces(kind: str, items: list[object], longest: int, depth: int) -> Iterator[str]:
    opening, closing = _BRACKETS[kind]
    if depth >= DEEPEST:
        yield f"{opening}…{closing}"
        return
    yield opening
    for at, item in enumerate(items):
        if at:
            yield ": " if kind == "dict" and at % 2 else ", "
        yield from _pieces(item, longest, depth + 1)
    yield ",)" if kind == "tuple" and len(items) == 1 else closing


def _items_of(value: object) -> tuple[str, list[object]]:
    """The kind and items of a container (for a dict, alternating keys and values); '' for any other value."""
    if isinstance(value, Items):
        return value.kind, value.items
    kind = _OF_TYPE.get(type(value), "")
    if isinstance(value, dict):
        return kind, [part for pair in value.items() for part in pair]
    return (kind, list(value)) if isinstance(value, (list, tuple, set)) else ("", [])
