"""A pytest plugin: shows a failure in Python's own way where pytest's way fails.

To show a failure pytest parses its source, which on Python 3.11 fails now and then while other threads work (CPython's
gh-106905), and that ended the whole run.
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> pytest.TestReport:
    """As pytest does it, or in Python's own way, which needs no parsing."""
    try:
        return pytest.TestReport.from_item_and_call(item, call)
    except SystemError:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(item.config.option, "tbstyle", "native")
            return pytest.TestReport.from_item_and_call(item, call)
