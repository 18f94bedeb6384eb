"""The fenced blocks of a page, each with the marks that stand before it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.support.command import ROOT

_FENCE: Final = re.compile(r"^(?P<indent> *)(?P<fence>```+|~~~+) *(?P<language>[\w+-]*)")
_MARK: Final = re.compile(r"<!-- *test: *(.*?) *-->", re.DOTALL)
_FILE: Final = re.compile(r"^# ((?:[\w.-]+/)*[\w-]*\.(?:py|toml|ya?ml))$")

MARKS: Final = frozenset({"parse", "not run", "worker", "output", "fresh", "setup"})
NEED_REASON: Final = frozenset({"parse", "not run"})


class MarkError(ValueError):
    """A mark says nothing that is known, or gives no reason."""


@dataclass(frozen=True)
class Mark:
    """What a comment before a block says of how it is run."""

    word: str
    text: str = ""

    @classmethod
    def read(cls, comment: str) -> Mark:
        """Reads the text after `test:`.

        Raises:
            MarkError: it is not one of the marks, or lacks its reason.
        """
        for word in sorted(MARKS):
            if comment == word or re.match(rf"{word}[:\s]", comment):
                text = comment[len(word) :].lstrip(":").strip(" ") if word != "setup" else comment[len(word) :]
                if word in NEED_REASON and not text:
                    raise MarkError(f"the mark {word!r} needs a reason: <!-- test: {word}: REASON -->")
                return cls(word, text)
        raise MarkError(f"{comment!r} is not one of the marks {', '.join(sorted(MARKS))}")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    """From the top of the project."""
    line: int
    """Of its fence, from 1."""
    language: str
    text: str
    marks: tuple[Mark, ...] = ()

    @property
    def place(self) -> str:
        """Where it is, as editors know it."""
        return f"{self.page}:{self.line}"

    def mark(self, word: str) -> Mark | None:
        """Its mark of this word, if it has one."""
        return next((mark for mark in self.marks if mark.word == word), None)

    @cached_property
    def file(self) -> str | None:
        """The file that its first line names."""
        found = _FILE.match(self.text.split("\n", 1)[0])
        return found[1] if found and self.language in {"python", "toml", "yaml"} else None


def pages() -> list[str]:
    """All pages, from the top of the project."""
    tops = [path.name for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    return sorted(tops) + sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))


def read_blocks(page: str) -> list[Block]:
    """The blocks of a page, in order.

    Raises:
        MarkError: a mark is wrong, or stands before no block.
    """
    return list(_find(page, (ROOT / page).read_text()))


def _find(page: str, text: str) -> Iterator[Block]:
    lines = text.split("\n")
    marks: list[Mark] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if opening := _FENCE.match(line):
            end = _end_of_fence(lines, number, opening["fence"])
            body = textwrap.dedent("\n".join(lines[number + 1 : end])) + "\n"
            yield Block(page, number + 1, opening["language"], body, tuple(marks))
            marks, number = [], end
        elif line.lstrip().startswith("<!-- test:"):
            comment, number = _whole_comment(lines, number)
            found = _MARK.search(comment)
            if found is None:
                raise MarkError(f"{Path(page)}:{number + 1}: {comment!r} does not end")
            marks.append(_read_mark(found[1], f"{page}:{number + 1}"))
        elif line.strip() and marks:
            raise MarkError(f"{page}:{number + 1}: a mark stands before no block")
        number += 1


def _read_mark(comment: str, place: str) -> Mark:
    try:
        return Mark.read(comment)
    except MarkError as error:
        raise MarkError(f"{place}: {error}") from None


def _end_of_fence(lines: list[str], start: int, fence: str) -> int:
    for number in range(start + 1, len(lines)):
        if lines[number].strip() == fence:
            return number
    return len(lines)


def _whole_comment(lines: list[str], start: int) -> tuple[str, int]:
    for number in range(start, len(lines)):
        if "-->" in lines[number]:
            return "\n".join(lines[start : number + 1]), number
    return "\n".join(lines[start:]), len(lines)
