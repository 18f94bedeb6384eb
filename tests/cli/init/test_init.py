"""`monarq init`: the project that it writes runs, is tested, and follows the rules of ruff and mypy."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
import tomllib
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
import yaml

from monarq.cli.init import actions
from monarq.shared import extras
from tests.cli.command import ROOT, Cli, end, environment, heard, monarq, start, stop
from tests.cli.conftest import NOWHERE

FILES = ["Dockerfile", "README.md", "compose.yaml", "jobs.py", "produce.py", "pyproject.toml", "test_jobs.py"]


@pytest.fixture
async def project(tmp_path: Path) -> Path:
    """The folder of a project that was just written."""
    folder = tmp_path / "shop"
    ended = await monarq("init", str(folder), url=NOWHERE)
    assert ended.code == 0, ended.err
    return folder


def run(folder: Path, *command: str, url: str = NOWHERE) -> str:
    """What a command wrote that ended well in the project's folder."""
    env = environment(url, {"PYTHONPATH": str(ROOT)})
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


async def test_its_jobs_run_and_its_producer_gets_their_results(project: Path, redis_url: str) -> None:
    env = environment(redis_url, {"PYTHONPATH": str(ROOT)})
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monarq", "worker", "jobs", "-w", "1"), cwd=project, env=env, stdout=PIPE, stderr=PIPE
    )
    try:
        await heard(worker, "serving")
        said = await asyncio.to_thread(run, project, sys.executable, "produce.py", url=redis_url)
    finally:
        await stop(worker)
    assert said.splitlines() == ["sent 25 characters to ann@example.com", "9592 primes below 100,000"]


def test_its_tests_pass(project: Path) -> None:
    assert "2 passed" in run(project, sys.executable, "-m", "pytest", "-p", "no:cacheprovider")


def test_its_code_follows_the_rules_of_checkers(project: Path) -> None:
    run(project, sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "E,F,I,B,UP,ASYNC", ".")
    run(project, sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".")
    run(
        project,
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(project / "cache"),
        "jobs.py",
        "produce.py",
        "test_jobs.py",
    )


def test_its_settings_and_services_are_what_monarq_takes(project: Path) -> None:
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    assert settings["project"]["name"] == "shop"
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    assert services["worker"]["command"] == ["monarq", "worker", "jobs"]
    assert sorted(path.name for path in project.iterdir()) == FILES


async def test_what_it_says_to_try_stands_in_the_readme_too(tmp_path: Path) -> None:
    ended = await monarq("init", str(tmp_path / "shop"), url=NOWHERE)
    _, _, said = ended.out.partition(f"cd {tmp_path}/shop\n")
    steps = [line.strip() for line in said.splitlines()]
    assert steps[0] == f"pip install 'monarq[embedded,testing] @ {ROOT.as_uri()}' pytest pytest-asyncio"
    assert steps[-1].startswith("python -m pytest ")
    readme = (tmp_path / "shop" / "README.md").read_text()
    assert [line.removeprefix("$ ") for line in readme.splitlines() if line.startswith("$ ")] == steps


async def test_a_monarq_that_is_not_from_the_index_is_asked_for_where_it_comes_from(project: Path) -> None:
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    assert settings["project"]["dependencies"] == [f"monarq @ {ROOT.as_uri()}"]
    assert settings["dependency-groups"]["dev"][0] == f"monarq[embedded,testing] @ {ROOT.as_uri()}"
    image = (project / "Dockerfile").read_text()
    assert f"pip wheel --no-deps --wheel-dir wheels 'monarq @ {ROOT.as_uri()}'" in image
    assert "pip install --no-cache-dir /tmp/wheels/monarq-*.whl" in image


def test_a_monarq_from_the_index_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_source_tree", lambda: None)
    monkeypatch.setattr(extras, "_direct_url", dict)
    monkeypatch.setattr(actions, "VERSION", "1.2.3")
    assert actions.write_project(tmp_path / "shop") == 0
    settings = tomllib.loads((tmp_path / "shop/pyproject.toml").read_text())
    assert settings["project"]["dependencies"] == ["monarq>=1.2.3"]
    assert "pip install 'monarq[embedded,testing]' pytest" in (tmp_path / "shop/README.md").read_text()
    assert "RUN pip install --no-cache-dir 'monarq>=1.2.3'\n" in (tmp_path / "shop/Dockerfile").read_text()


async def test_its_code_imports_nothing_that_its_pyproject_toml_does_not_name(project: Path) -> None:
    found = set()
    for file in project.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            found |= {name.partition(".")[0] for name in names}
    assert found - sys.stdlib_module_names == {"jobs", "monarq", "pytest"}


async def test_nothing_is_overwritten(project: Path) -> None:
    (project / "jobs.py").write_text("mine")
    ended = await monarq("init", str(project), url=NOWHERE)
    assert ended.code == 2
    assert "nothing was written" in ended.err
    assert "jobs.py" in ended.err
    assert (project / "jobs.py").read_text() == "mine"


async def test_a_folder_that_cannot_be_written_is_said(cli_here: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = await end(await start("init", str(tmp_path / "file" / "below"), url=NOWHERE))
    assert ended.code == 2
    assert str(tmp_path / "file") in ended.err


async def test_an_empty_name_is_refused_and_one_with_a_space_is_quoted(tmp_path: Path) -> None:
    ended = await monarq("init", "", url=NOWHERE)
    assert ended.code == 2
    assert "it is empty" in ended.err
    ended = await monarq("init", str(tmp_path / "my shop"), url=NOWHERE)
    assert ended.code == 0
    assert f"cd '{tmp_path}/my shop'" in ended.out
