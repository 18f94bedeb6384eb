"""A pytest plugin: shows a failure as a plain Python traceback if pytest cannot show it.

To show a failure, pytest parses its source. On Python 3.11 this sometimes fails while other threads work (CPython's
gh-106905), which ended the whole run.
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> pytest.TestReport:
    """Makes pytest's report, or one with a plain Python traceback, which needs no parsing."""
    try:
        return pytest.TestReport.from_item_and_call(item, call)
    except SystemError:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(item.config.option, "tbstyle", "native")
            return pytest.TestReport.from_item_and_call(item, call)
