"""The option of these tests that names archives which are built already."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--packed", type=Path, help="the folder of an sdist and its wheel. Default: they are built")
