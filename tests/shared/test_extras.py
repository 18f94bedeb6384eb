"""Optional dependencies: the hint names the extra that installs a missing package."""

from __future__ import annotations

import pytest

from monarq.shared.extras import missing_extra


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("watchfiles", "--watch needs the package watchfiles: pip install 'monarq[watch]'"),
        ("starlette.applications", "--watch needs the package starlette: pip install 'monarq[web]'"),
        ("the_users_own", None),
        (None, None),
    ],
)
def test_the_hint(module: str | None, hint: str | None) -> None:
    assert missing_extra(ModuleNotFoundError(name=module), "--watch") == hint
