"""Optional dependencies: the hint names the extra that installs a missing package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from monarq.shared import extras
from monarq.shared.extras import missing_extra

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
    assert missing_extra(ModuleNotFoundError(name=module), "--watch") == hint


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
