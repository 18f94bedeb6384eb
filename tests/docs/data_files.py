"""Blocks of TOML, YAML and JSON: parsed, and compared with what reads them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from tests.docs.blocks import Block
from tests.docs.command_lines import parse_monarq
from tests.support.command import ROOT


def compare(block: Block) -> None:
    """Parses a block, and looks up the commands, settings and metrics that it names.

    Raises:
        AssertionError: it names something that is not there.
        ValueError: it does not parse.
    """
    for document in _parse(block):
        if isinstance(document, dict) and "monarq" in (tool := document.get("tool", {})):
            _check_settings(tool["monarq"])
        for value in _walk(document):
            if isinstance(value, list) and value and value[0] in ("worker", "monarq"):
                parse_monarq([str(each) for each in value if each != "monarq"])
            if isinstance(value, str):
                unknown = set(re.findall(r"\bmonarq_[a-z_]+", value)) - _metrics()
                assert not unknown, f"there are no metrics {sorted(unknown)}"


def _parse(block: Block) -> list[Any]:
    if block.language == "toml":
        return [tomllib.loads(block.text)]
    if block.language == "json":
        return [json.loads(line) for line in block.text.splitlines()] if _is_lines(block) else [json.loads(block.text)]
    return list(yaml.safe_load_all(block.text))


def _is_lines(block: Block) -> bool:
    lines = block.text.strip().splitlines()
    return len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines)


def _walk(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        for each in value.values():
            yield from _walk(each)
    elif isinstance(value, list):
        for each in value:
            yield from _walk(each)


def _check_settings(given: dict[str, Any]) -> None:
    """Each name of [tool.monarq] must be a setting's."""
    spelled = (ROOT / "docs" / "settings.md").read_text() if (ROOT / "docs" / "settings.md").exists() else ""
    for name, value in given.items():
        for each in value if isinstance(value, dict) else (name,):
            assert re.search(rf"`{each}`", spelled), f"docs/settings.md has no setting {each!r}"


@cache
def _metrics() -> frozenset[str]:
    """The names of metrics, with the endings that Prometheus adds to histograms and counters."""
    text = "".join(path.read_text() for path in (ROOT / "monitor" / "metrics").rglob("*.py"))
    names = set(re.findall(r"\bmonarq_[a-z_]+", text))
    return frozenset(names | {f"{name}_{end}" for name in names for end in ("bucket", "sum", "count", "total")})
