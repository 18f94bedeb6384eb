"""A pytest plugin: time limits for each phase of a test, for the end of the session and for the whole run.

A test that hangs fails, with the stacks of its process, and the run goes on. pytest-timeout stops watching a test as
soon as one of its phases fails, and hangs in a teardown that hangs. With pytest-xdist, a process that was killed is
replaced; without it, the run ends.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

import pytest

from tests.support.plugins.watchdog import Watchdog, end_children
from tests.support.slowness import measured, patience_s

PHASE_S: Final = 60.0
"""The limit for a test, its fixtures and its teardown, each: ``@pytest.mark.timeout(seconds)`` overrides it."""

END_S: Final = 60.0
RUN_S: Final = 45 * 60.0
STACKS: Final = "TESTS_STACKS"
"""Names the directory to which a process writes the stacks of a hanging test, for the report."""


def pytest_configure(config: pytest.Config) -> None:
    """Measures the machine's speed and starts the watchdog."""
    config.addinivalue_line("markers", "timeout(seconds): what the test may take on a quiet machine; 60 by default")
    measured()
    config.pluginmanager.register(RunLimits(config, stderr=os.dup(sys.__stderr__.fileno())), "run-limits")  # type: ignore[union-attr]


class RunLimits:
    """Watches one process: that of `pytest`, or a worker of pytest-xdist."""

    def __init__(self, config: pytest.Config, stderr: int) -> None:
        self._stderr = stderr
        self._works_for_another = hasattr(config, "workerinput")
        self._watchdog = Watchdog(self._tell, stderr)
        if not self._works_for_another:
            os.environ[STACKS] = mkdtemp(prefix="monarq-tests-")
            threading.Thread(target=self._end_run, name="run's limit", daemon=True).start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """The setup of its fixtures."""
        self._watchdog.watch(f"the setup of {item.nodeid}", _limit_s(item))
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Itself."""
        self._watchdog.watch(item.nodeid, _limit_s(item))
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """The teardown of its fixtures, including its loop."""
        self._watchdog.watch(f"the teardown of {item.nodeid}", _limit_s(item))
        try:
            return (yield)
        finally:
            self._watchdog.rest()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Everything after the last test."""
        self._watchdog.watch("the end of the session", END_S)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """A process of pytest-xdist exits later, when all are done."""
        if self._works_for_another:
            self._watchdog.rest()
        else:
            rmtree(os.environ.pop(STACKS))

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """Reports the stacks of a test that hung as its failure."""
        for left in Path(os.environ[STACKS]).iterdir():
            text = left.read_text()
            if crashitem in text.partition("\n")[0]:
                report.longrepr = f"{report.longrepr}\n{text}"
                left.unlink()

    def _tell(self, what: str, stacks: str) -> None:
        text = f"{what}\n{stacks}\n"
        if self._works_for_another:
            Path(os.environ[STACKS], str(os.getpid())).write_text(text)
        else:
            os.write(self._stderr, f"\n{text}".encode())

    def _end_run(self) -> None:
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < patience_s(RUN_S):
            time.sleep(1)
        os.write(self._stderr, f"\nthe run is ended: it took more than {patience_s(RUN_S) / 60:.0f} minutes\n".encode())
        end_children()
        os._exit(1)


def _limit_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else PHASE_S
