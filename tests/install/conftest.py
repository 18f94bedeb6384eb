"""The archives that these tests install: built here, or named by an option."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.install.commands import run

ROOT = Path(__file__).parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--packed", type=Path, help="the folder of an sdist and its wheel. Default: they are built")


@pytest.fixture(scope="session")
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that was made of it."""
    given: Path | None = request.config.getoption("--packed")
    if given is not None:
        return given.resolve()
    directory = tmp_path_factory.mktemp("packed")
    run(sys.executable, "-m", "build", "--outdir", str(directory), cwd=ROOT)
    return directory
