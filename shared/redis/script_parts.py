"""The parts of included pieces that a script needs. Redis runs a script from the top in every call.

Defining a function costs about as much as a small command, whether it is called or not. So a function at the top level
of a piece is left out if nothing that is kept uses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

_FUNCTION: Final = re.compile(r"^local function (\w+)\(.*?^end\n", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"^ *--.*$", re.MULTILINE)
_WORD: Final = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class _Part:
    """A function at the top level of a piece, or the text between two of them, which has no name."""

    name: str
    text: str
    words: frozenset[str]


def words_of(text: str) -> frozenset[str]:
    """The words of a Lua text, except those in comment lines."""
    return frozenset(_WORD.findall(_COMMENT.sub("", text)))


def join_used(pieces: Sequence[str], script: str) -> str:
    """The pieces without unused functions, followed by the script."""
    parts = [part for piece in pieces for part in _parts(piece)]
    functions = {part.name: part for part in parts if part.name}
    used: set[str] = set()
    unread = [words_of(script), *(part.words for part in parts if not part.name)]
    while unread:
        for name in (unread.pop() & functions.keys()) - used:
            used.add(name)
            unread.append(functions[name].words)
    return "".join(part.text for part in parts if not part.name or part.name in used) + script


@cache
def _parts(piece: str) -> tuple[_Part, ...]:
    parts, end = [], 0
    for found in _FUNCTION.finditer(piece):
        parts += [_part("", piece[end : found.start()]), _part(found[1], found[0])]
        end = found.end()
    return (*parts, _part("", f"{piece[end:]}\n"))


def _part(name: str, text: str) -> _Part:
    return _Part(name, text, words_of(text))
