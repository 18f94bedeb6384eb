"""A safe reader of pickles: it finds their fields by their opcodes, without unpickling, importing or calling anything.

A pickle is a program. The reader tracks the plain values and containers that it would build; a function or class that
it would call is only named, with its arguments. Of a truncated pickle, the fields before the end are read.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MOST_STEPS: Final = 50_000
"""The most opcodes that are read."""

_PLAIN: Final = frozenset(
    (
        *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
        *("FLOAT", "BINFLOAT", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    )
)
_CONSTANTS: Final[Mapping[str, object]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


@dataclass(frozen=True, slots=True)
class Named:
    """A class or function that the pickle names."""

    name: str


@dataclass(frozen=True, slots=True)
class Called:
    """The result of a call that is not made."""

    name: str
    arguments: object


@dataclass(frozen=True, slots=True)
class Unknown:
    """An unknown value."""


@dataclass(slots=True, eq=False)
class Items:
    """A container: `kind` is "dict", whose items alternate between keys and values, "list", "tuple" or "set"."""

    kind: str
    items: list[object]


def read_fields(data: bytes) -> dict[str, object]:
    """The fields of the dict in the pickle; empty if it is not a dict."""
    machine = _StackMachine()
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
            if step >= MOST_STEPS or opcode.name == "STOP":
                break
            machine.step(opcode, argument)
    except (ValueError, TypeError, IndexError, OverflowError):
        pass  # truncated, or not a pickle: use what was read so far
    return machine.fields()


class _StackMachine:
    """Pickle's stack machine, with stack, marks and memo. It runs no code."""

    def __init__(self) -> None:
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._steps: dict[str, Callable[[object], None]] = {
            **dict.fromkeys(("PROTO", "FRAME"), lambda _: None),
            "MARK": lambda _: self._marks.append(len(self._stack)),
            "MEMOIZE": lambda _: self._memorize(len(self._memo)),
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._memorize),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), self._recall),
            "EMPTY_DICT": lambda _: self._stack.append(Items("dict", [])),
            "EMPTY_LIST": lambda _: self._stack.append(Items("list", [])),
            "EMPTY_SET": lambda _: self._stack.append(Items("set", [])),
            "EMPTY_TUPLE": lambda _: self._stack.append(Items("tuple", [])),
            "TUPLE1": lambda _: self._push("tuple", self._pop(1)),
            "TUPLE2": lambda _: self._push("tuple", self._pop(2)),
            "TUPLE3": lambda _: self._push("tuple", self._pop(3)),
            "TUPLE": lambda _: self._push("tuple", self._pop_to_mark()),
            "LIST": lambda _: self._push("list", self._pop_to_mark()),
            "DICT": lambda _: self._push("dict", self._pop_to_mark()),
            "FROZENSET": lambda _: self._push("set", self._pop_to_mark()),
            "SETITEM": lambda _: self._extend(self._pop(2)),
            "APPEND": lambda _: self._extend(self._pop(1)),
            **dict.fromkeys(("SETITEMS", "APPENDS", "ADDITEMS"), lambda _: self._extend(self._pop_to_mark())),
            "GLOBAL": lambda name: self._stack.append(Named(str(name).replace(" ", "."))),
            "STACK_GLOBAL": lambda _: self._stack.append(Named(".".join(map(str, self._pop(2))))),
            **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda _: self._call()),
            "BUILD": self._build,
        }

    def fields(self) -> dict[str, object]:
        """The items of the outermost dict and, if the pickle is truncated, those that are still on the stack."""
        if not self._stack or not isinstance(self._stack[0], Items) or self._stack[0].kind != "dict":
            return {}
        pending: list[object] = []
        if self._marks[:1] == [1]:
            pending = self._stack[1 : self._marks[1] if len(self._marks) > 1 else None]
        items: Sequence[object] = [*self._stack[0].items, *pending]
        return {name: value for name, value in zip(items[::2], items[1::2], strict=False) if isinstance(name, str)}

    def step(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        """Runs one opcode."""
        name = opcode.name
        if name in _PLAIN:
            self._stack.append(_CONSTANTS.get(name, argument))
        elif name in self._steps:
            self._steps[name](argument)
        else:
            self._skip(opcode)

    def _memorize(self, place: object) -> None:
        self._memo[_whole(place)] = self._stack[-1]

    def _recall(self, place: object) -> None:
        self._stack.append(self._memo.get(_whole(place), Unknown()))

    def _push(self, kind: str, items: list[object]) -> None:
        self._stack.append(Items(kind, items))

    def _extend(self, items: list[object]) -> None:
        container = self._stack[-1]
        if isinstance(container, Items):
            container.items += items

    def _build(self, _: object) -> None:
        """Drops the state of an object that was not built."""
        self._pop(1)

    def _call(self) -> None:
        called, arguments = self._pop(2)
        self._stack.append(Called(called.name, arguments) if isinstance(called, (Named, Called)) else Unknown())

    def _skip(self, opcode: pickletools.OpcodeInfo) -> None:
        """Changes the stack as the opcode would, with unknown values."""
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            self._pop_to_mark()
            before = before[: before.index(pickletools.markobject)]
        self._pop(len(before))
        self._stack += [Unknown()] * len(opcode.stack_after)

    def _pop(self, count: int) -> list[object]:
        if count > len(self._stack):
            raise IndexError("the pickle pops more from its stack than there is")
        at = len(self._stack) - count
        items = self._stack[at:]
        del self._stack[at:]
        return items

    def _pop_to_mark(self) -> list[object]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items


def _whole(place: object) -> int:
    if not isinstance(place, int):
        raise TypeError("a place in the memo is a number")
    return place
