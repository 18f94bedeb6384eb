"""The API reference has every public name."""

from __future__ import annotations

import re
from pkgutil import resolve_name
from typing import Final

import monarq
from tests.support.command import ROOT

NAMED: Final = [
    name
    for page in (ROOT / "docs" / "reference").glob("*.md")
    for name in re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)
]


def test_every_public_name_is_in_the_reference() -> None:
    errors = {name for name in monarq.__all__ if name.endswith("Error")}  # the page of errors has the whole module
    assert sorted(set(monarq.__all__) - errors - {name.removeprefix("monarq.") for name in NAMED}) == []


def test_every_name_in_the_reference_is_there() -> None:
    for name in NAMED:
        resolve_name(name)
