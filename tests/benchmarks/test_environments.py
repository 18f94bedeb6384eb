"""The Python of a peer that does not run on ours: one that runs, wherever it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.running.environments import UnavailableError, find_python

NEWER = (3, 99)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the PATH; the user's folder is empty as well."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def write_command(command: Path, *lines: str) -> str:
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    command.chmod(0o755)
    return str(command)


def write_python(command: Path, minor: int) -> str:
    return write_command(command, f"printf '%s\\n3\\n{minor}' {command}")


def test_ours_is_taken_where_it_is_new_enough(path: Path) -> None:
    assert find_python((3, 11)) == (sys.executable, sys.version_info[:2])


def test_a_command_that_does_not_run_is_passed_over(path: Path) -> None:
    write_command(path / "python3.12", "echo 'pyenv: python3.12: command not found' >&2", "exit 127")
    newer = write_python(path / "python3.13", 99)
    assert find_python(NEWER) == (newer, NEWER)


def test_pyenv_is_looked_into_as_well(path: Path) -> None:
    write_python(path / "python3.13", 13)
    versions = path.parent / ".pyenv" / "versions"
    write_python(versions / "3.98.1" / "bin" / "python", 98)
    write_command(versions / "3.98.2" / "bin" / "python", "exit 1")
    newer = write_python(versions / "3.99.0" / "bin" / "python", 99)
    assert find_python(NEWER) == (newer, NEWER)


def test_without_one_it_is_said_what_is_missing(path: Path) -> None:
    write_python(path / "python3.12", 12)
    with pytest.raises(UnavailableError) as raised:
        find_python(NEWER)
    assert str(raised.value) == "there is no working Python 3.99 or newer on the PATH or in ~/.pyenv"
