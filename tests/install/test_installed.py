"""What a user installs, in an environment that has nothing else: the sdist, and the wheel that was made of it.

It needs a package index, and so is run by `make test-package` only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_S = 300
BASE = str(Path(sys.executable).resolve())
"""The Python that this environment was made with; its pip fills others, as in the Makefile."""


@pytest.fixture(scope="module")
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that was made of it."""
    given: Path | None = request.config.getoption("--packed")
    if given is not None:
        return given.resolve()
    directory = tmp_path_factory.mktemp("packed")
    run(sys.executable, "-m", "build", "--outdir", str(directory), cwd=ROOT)
    return directory


@pytest.mark.timeout(2 * LONGEST_S)
@pytest.mark.parametrize("kind", ["*.tar.gz", "*.whl"])
def test_it_works_where_nothing_else_is_installed(packed: Path, tmp_path: Path, kind: str) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    package = f"{next(packed.glob(kind))}[embedded]"
    run(BASE, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet", package, cwd=tmp_path)
    monarq = str(environment / "bin" / "monarq")
    assert "worker" in run(monarq, "--help", cwd=tmp_path)
    assert "--concurrency" in run(monarq, "worker", "--help", cwd=tmp_path)
    assert "one after the other" in run(monarq, "demo", cwd=tmp_path)
    run(monarq, "worker", "monarq.examples.jobs", "--burst", "--redis", "embedded", cwd=tmp_path)


def run(*command: str, cwd: Path) -> str:
    """What it wrote; it is not to see this environment, nor this folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MONARQ_", "PYTHON", "VIRTUAL"))}
    ran = subprocess.run(
        command, cwd=cwd, env=kept, timeout=LONGEST_S, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert ran.returncode == 0, ran.stdout.decode()
    return ran.stdout.decode()
