"""A plugin of pytest's: a failure is shown where pytest cannot show it in its own way.

It parses the source to that end, which on Python 3.11 fails now and then while other threads work (CPython's
gh-106905), and took the whole run along.
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> pytest.TestReport:
    """As pytest does it; Python's own way does without parsing."""
    try:
        return pytest.TestReport.from_item_and_call(item, call)
    except SystemError:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(item.config.option, "tbstyle", "native")
            return pytest.TestReport.from_item_and_call(item, call)
