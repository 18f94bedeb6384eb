"""What a user installs, in an environment that has nothing else: the sdist, and the wheel that was made of it.

It needs a package index, and so is run by `make test-package` only.
"""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from tests.install.commands import BASE, LONGEST_S, run


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
    assert "one after another" in run(monarq, "demo", cwd=tmp_path)
    run(monarq, "worker", "monarq.examples.jobs", "--burst", "--redis", "embedded", cwd=tmp_path)
