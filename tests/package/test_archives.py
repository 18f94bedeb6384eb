"""The sdist and the wheel are complete: five folders of monarq are symbolic links, which packers like to leave out."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINKS = ["examples", "monitor", "producer", "shared", "workers"]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that was made of it."""
    directory = tmp_path_factory.mktemp("packed")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return directory


def test_the_wheel_made_of_the_sdist_has_all_of_monarq(packed: Path) -> None:
    with zipfile.ZipFile(next(packed.glob("*.whl"))) as wheel:
        assert files_of("monarq") <= set(wheel.namelist())


def test_the_sdist_has_what_its_tests_and_its_makefile_need(packed: Path) -> None:
    with tarfile.open(next(packed.glob("*.tar.gz"))) as sdist:
        members = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    assert files_of("monarq", "tests", "benchmarks", "chaos", "deploy", "docs", *LINKS) <= members
    assert {"pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE"} <= members


def test_the_links_are_those_that_are_looked_for() -> None:
    assert sorted(path.name for path in (ROOT / "monarq").iterdir() if path.is_symlink()) == LINKS


def files_of(*folders: str) -> set[str]:
    """The files below these folders that git has, through links as well."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    listed += [f"monarq/{name}" for name in listed if name.partition("/")[0] in LINKS]
    listed = [name for name in listed if not (ROOT / name).is_symlink()]
    found = {name for name in listed if name.partition("/")[0] in folders}
    assert found
    return found
