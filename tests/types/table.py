"""The tables of docs/types.md, row by row, with the classes that its code declares."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "types.md"

_CELLS = re.compile(r"(?<!\\)\|")


class Row(NamedTuple):
    """A row of the first table: Python's text of an annotation, a value and its plain form."""

    annotation: str
    value: str
    plain: str

    @property
    def label(self) -> str:
        return f"{self.annotation}: {self.value}"


def code() -> str:
    """The code that declares the classes of the examples."""
    return PAGE.read_text().partition("```python types\n")[2].partition("```")[0]


def rows() -> list[Row]:
    """The rows of what travels by its annotation."""
    return [Row(*cells[:3]) for cells in _table("| Annotation |")]


def refused() -> list[tuple[str, str]]:
    """The values that do not travel without one, and the advice."""
    return [(cells[0], cells[1]) for cells in _table("| A value | What")]


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same types at any depth."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(same, sorted_items(one), sorted_items(other)))
    if isinstance(one, (list, tuple)) or hasattr(one, "popleft"):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dict__") and not isinstance(one, type):
        return one == other and all(same(vars(one)[name], vars(other)[name]) for name in vars(one) if name[:1] != "_")
    is_equal: bool = one == other
    return bool(is_equal) and getattr(one, "tzinfo", None) == getattr(other, "tzinfo", None)


def sorted_items(value: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """The items in an order that does not depend on the dict's own."""
    return sorted(value.items(), key=repr)


def _table(head: str) -> list[list[str]]:
    lines = PAGE.read_text().partition(head)[2].splitlines()[2:]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([_text(cell) for cell in _CELLS.split(line)[1:-1]])
    return found


def _text(cell: str) -> str:
    return cell.strip().strip("`").replace("\\|", "|")
