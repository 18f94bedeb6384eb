"""`make demo`'s installation: it says what it installs and when it is done, and what pip says only where pip fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}


def make(target: str, *variables: str) -> subprocess.CompletedProcess[str]:
    # What pytest itself was started with by make, and the pip of this machine, are not for it.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "MFLAGS"))}
    command = ["make", f"PYTHON={getattr(sys, '_base_executable', sys.executable)}", *variables, target]
    return subprocess.run(command, cwd=ROOT, env=env | NOWHERE, capture_output=True, text=True)


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    return tmp_path / "venv"


def test_it_says_what_it_installs_and_when_it_is_done(venv: Path, tmp_path: Path) -> None:
    pip = tmp_path / "pip"
    pip.write_text("echo noise; echo a warning >&2")
    made = make(f"{venv}/.for-use", f"VENV={venv}", f"PIP=sh {pip}")
    assert (made.returncode, made.stderr) == (0, "")
    lines = made.stdout.splitlines()
    assert lines[0].startswith(f"Making {venv}, an environment for Python packages (Python 3.")
    assert lines[1] == f"Installing into {venv}, which takes about half a minute:"
    assert [line.split()[0] for line in lines[2:-1]] == ["monarq", "embedded", "testing", "arq"]
    assert lines[-1].startswith("Installed in ")


def test_what_pip_says_is_shown_where_it_fails_and_the_next_make_tries_again(venv: Path) -> None:
    for _ in range(2):
        made = make(f"{venv}/.for-use", f"VENV={venv}")
        assert made.returncode == 2
        assert "No matching distribution found for hatchling" in made.stderr
        assert "Installing into" in made.stdout
        assert "Installed in" not in made.stdout
