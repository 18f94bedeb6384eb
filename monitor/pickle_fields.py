"""The plain fields of arq's dict in a pickle, found by reading its opcodes: nothing is unpickled, imported or called.

A pickle is a program. What is done here is to follow which plain values it lays down (numbers, text, None, True) and
where; whatever else it would do stands as `OPAQUE`. A pickle that is cut off tells what stood before the cut.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping
from typing import Final


class Opaque:
    """Stands for a value that is not plain."""

    def __repr__(self) -> str:
        return "<opaque>"


OPAQUE: Final = Opaque()
MOST_STEPS: Final = 10_000
"""How many opcodes are looked at, at the most."""

_PLAIN: Final = frozenset(
    [
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
    ]
)
_CONSTANTS: Final[Mapping[str, object]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


def read_fields(data: bytes) -> dict[str, object]:
    """The fields of the dict that the pickle is, as far as they are plain; empty where it is none."""
    reader = _Reader()
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
            if step >= MOST_STEPS or opcode.name == "STOP":
                break
            reader.follow(opcode, argument)
    except (ValueError, TypeError, IndexError, OverflowError):
        pass  # cut off, or no pickle at all: what was read before it counts
    return reader.fields()


class _Reader:
    """Pickle's machine with its stack, its marks and its memo, and without its powers."""

    def __init__(self) -> None:
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._found: list[object] = []
        self._steps: dict[str, Callable[[object], None]] = {
            "PROTO": self._pass,
            "FRAME": self._pass,
            "MARK": self._mark,
            "MEMOIZE": lambda _: self._memorize(len(self._memo)),
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._memorize),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), self._recall),
            **dict.fromkeys(("SETITEMS", "APPENDS", "ADDITEMS"), self._fill),
        }

    def fields(self) -> dict[str, object]:
        """What the outermost dict holds, and what was laid down for it when the pickle was cut off."""
        pending = self._stack[1 : self._marks[1] if len(self._marks) > 1 else None] if self._marks[:1] == [1] else []
        items = [*self._found, *pending]
        return {name: value for name, value in zip(items[::2], items[1::2], strict=False) if isinstance(name, str)}

    def follow(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        """Takes one step."""
        name = opcode.name
        if name in _PLAIN:
            self._stack.append(_CONSTANTS.get(name, argument))
        elif name in self._steps:
            self._steps[name](argument)
        else:
            self._skip(opcode)

    def _pass(self, _: object) -> None:
        """Changes no value."""

    def _mark(self, _: object) -> None:
        self._marks.append(len(self._stack))

    def _memorize(self, place: object) -> None:
        self._memo[_whole(place)] = self._stack[-1]

    def _recall(self, place: object) -> None:
        self._stack.append(self._memo.get(_whole(place), OPAQUE))

    def _fill(self, _: object) -> None:
        """Everything above the mark goes into the container below it; it counts where that is the outermost."""
        items = self._cut_at_mark()
        if len(self._stack) == 1:
            self._found += items

    def _skip(self, opcode: pickletools.OpcodeInfo) -> None:
        """Does to the stack what the opcode would do, with opaque values."""
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            self._cut_at_mark()
            before = before[: before.index(pickletools.markobject)]
        if before:
            del self._stack[-len(before) :]
        self._stack += [OPAQUE] * len(opcode.stack_after)

    def _cut_at_mark(self) -> list[object]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items


def _whole(place: object) -> int:
    if not isinstance(place, int):
        raise TypeError("a place in the memo is a number")
    return place
