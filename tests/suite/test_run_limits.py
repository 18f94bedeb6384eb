"""The suite's own limits: what hangs fails alone, with its stacks, and the run goes on to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.slowness import patience_s

ROOT = Path(__file__).parents[2]
HANGING = "tests/suite/hanging_suite.py"


def test_what_hangs_fails_alone_and_the_run_goes_on() -> None:
    command = [sys.executable, "-m", "pytest", HANGING, "-p", "no:cacheprovider", "--numprocesses=2", "--color=no"]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience_s(50),
        check=False,
    )
    out = ran.stdout
    for name in (
        "test_that_waits_for_ever",
        "test_that_fails_and_hangs_in_its_teardown",
        "test_that_hangs_in_c",
        "test_whose_source_cannot_be_parsed",
    ):
        assert f"FAILED {HANGING}::{name}" in out, out
    assert "5 failed, 20 passed" in out, out  # one failed in two phases
    for shown in (
        "what it failed of",
        "shown all the same",
        "await asyncio.Event().wait()",
        "loop.close()",
        "in test_that_hangs_in_c",
    ):
        assert shown in out, out
