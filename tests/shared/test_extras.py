"""Optional dependencies: the hint names the extra that installs a missing package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monarq.shared import extras
from monarq.shared.extras import install_command, missing_extra

CLONE = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("watchfiles", "--watch needs the package watchfiles: pip install 'monarq[watch]'"),
        ("starlette.applications", "--watch needs the package starlette: pip install 'monarq[web]'"),
        ("arq.worker", "--watch needs the package arq: pip install 'monarq[arq]'"),
        ("the_users_own", None),
        (None, None),
    ],
)
def test_the_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str | None, hint: str | None) -> None:
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "site-packages/monarq/shared/extras.py"))
    monkeypatch.setattr(extras, "_direct_url", dict)
    assert missing_extra(ModuleNotFoundError(name=module), "--watch") == hint


@pytest.mark.parametrize(
    ("recorded", "source"),
    [
        ({"url": "file:///home/ann/monarq", "dir_info": {}}, "file:///home/ann/monarq"),
        (
            {"url": "https://git.example/monarq", "vcs_info": {"vcs": "git", "commit_id": "abc123"}},
            "git+https://git.example/monarq@abc123",
        ),
        (
            {"url": "https://files.example/monarq-1.0-py3-none-any.whl"},
            "https://files.example/monarq-1.0-py3-none-any.whl",
        ),
    ],
    ids=["folder", "git", "wheel"],
)
def test_what_was_not_installed_from_an_index_is_named_by_its_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recorded: dict[str, Any], source: str
) -> None:
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "site-packages/monarq/shared/extras.py"))
    monkeypatch.setattr(extras, "_direct_url", lambda: recorded)
    assert install_command("web") == f"pip install 'monarq[web] @ {source}'"


@pytest.mark.parametrize(
    ("statement", "package", "module", "extra"),
    [
        ("import monarq.fastapi", "starlette", "monarq.fastapi", "fastapi"),
        ("from monarq.fastapi import ProducerDep", "fastapi", "monarq.fastapi.ProducerDep", "fastapi"),
        ("import monarq.flask", "flask", "monarq.flask", "flask"),
        ("from monarq.django import MonarqBackend", "django", "monarq.django", "django"),
        ("import monarq.sentry", "sentry_sdk", "monarq.sentry", "sentry"),
        ("import monarq.structlog", "structlog", "monarq.structlog", "structlog"),
        ("from monarq.web import create_app", "starlette", "the page", "web"),
        ("import monarq.arq", "arq", "monarq.arq", "arq"),
    ],
)
def test_a_module_without_its_package_says_what_to_install(
    statement: str, package: str, module: str, extra: str
) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; {statement}"
    ran = subprocess.run([sys.executable, "-c", program], cwd=CLONE, capture_output=True, text=True, check=False)
    expected = f"ModuleNotFoundError: {module} needs the package {package}: {install_command(extra)}"
    assert ran.stderr.splitlines()[-1] == expected


@pytest.mark.parametrize(
    ("pip", "command"),
    [
        (object(), f"{sys.executable} -m pip install"),
        (None, f"python3 -m pip --python {sys.executable} install"),
    ],
)
def test_the_hint_in_a_clone(monkeypatch: pytest.MonkeyPatch, pip: object, command: str) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: pip)
    expected = f"this needs the package jinja2: {command} --editable '{CLONE}[web]'"
    assert missing_extra(ModuleNotFoundError(name="jinja2")) == expected
