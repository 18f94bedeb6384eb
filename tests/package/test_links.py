"""The symbolic links in monarq/: what a copy without them says, and that tools see each file once."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout of this repository with text files in place of the links."""
    folder = tmp_path / "checkout"
    run("git", "-c", "core.symlinks=false", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder), cwd=tmp_path)
    assert (folder / "monarq" / "shared").read_text() == "../shared"
    shutil.copy(ROOT / "monarq" / "__init__.py", folder / "monarq")
    return folder


@pytest.mark.parametrize("command", [("-c", "import monarq.producer"), ("-m", "monarq", "--help")])
def test_a_checkout_without_links_says_what_to_do(checkout: Path, command: tuple[str, ...]) -> None:
    ended = subprocess.run([sys.executable, *command], cwd=checkout, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("Traceback") == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: there is no folder 'shared' in {checkout}/monarq")

    restore = re.search(r"with: (git .*) \(on Windows", last)
    assert restore is not None
    run("sh", "-c", restore[1], cwd=checkout)
    assert "__version__" in run(sys.executable, "-c", "import monarq.producer; print(dir(monarq))", cwd=checkout)


def test_a_copy_that_lacks_the_links_altogether_says_so_too(tmp_path: Path) -> None:
    (tmp_path / "monarq").mkdir()
    shutil.copy(ROOT / "monarq" / "__init__.py", tmp_path / "monarq")
    ended = subprocess.run([sys.executable, "-c", "import monarq"], cwd=tmp_path, capture_output=True, check=False)
    assert b"no symbolic links" in ended.stderr


def test_a_zip_file_on_the_path_is_complete(tmp_path: Path) -> None:
    archive = tmp_path / "monarq.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(ROOT / "monarq" / "__init__.py", "monarq/__init__.py")
        for path in (ROOT / "shared").glob("*.py"):
            packed.write(path, f"monarq/shared/{path.name}")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import monarq; print(monarq.__file__, monarq.__version__)"
    assert run(sys.executable, "-c", code, str(archive), cwd=tmp_path).startswith(f"{archive}/monarq/__init__.py ")


def test_ruff_checks_each_file_once_and_by_its_real_path() -> None:
    shown = run(sys.executable, "-m", "ruff", "check", "--show-files", ".", cwd=ROOT)
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", cwd=ROOT)
    checked = [str(Path(line).relative_to(ROOT)) for line in shown.splitlines() if line.endswith(".py")]
    assert sorted(checked) == sorted(name for name in listed.splitlines() if (ROOT / name).exists())


def run(*command: str, cwd: Path) -> str:
    """The stdout of a command that must succeed."""
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
