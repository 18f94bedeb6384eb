"""A process whose children, and theirs, are known by a mark in their environment, wherever they go."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.support.slowness import patience_s

ROOT = Path(__file__).parents[2]
MARK = "MARKED_BY_TEST"


def restore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class MarkedProcess:
    """Runs `python ARGUMENTS` from the top of the checkout, with temporary files in `temp`."""

    def __init__(self, arguments: Sequence[str], temp: Path) -> None:
        self._mark = secrets.token_hex(8)
        self._temp = temp
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | {MARK: self._mark, "TMPDIR": str(temp), "COLUMNS": "120"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where the tests run in the background, Ctrl-C is ignored, and this would be inherited.
            preexec_fn=restore_ctrl_c,
        )

    def finish(self, timeout_s: float = 50) -> tuple[int, str, str]:
        """Its exit code, and what it wrote to stdout and stderr."""
        out, err = self.process.communicate(timeout=patience_s(timeout_s))
        return self.process.returncode, out, err

    def read_until(self, text: str) -> None:
        """Reads stdout up to and with the line that holds the text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return
        raise AssertionError(f"{text!r} never came; stderr: {self.finish()[2]}")

    def living(self) -> list[str]:
        """The command lines of all that carry the mark, itself included."""
        return [" ".join(process.cmdline()) for process in psutil.process_iter() if self._is_marked(process)]

    def leftovers(self, within_s: float = 0.0) -> list[str]:
        """Processes and temporary files that are still there after so many seconds."""
        deadline_s = time.monotonic() + patience_s(within_s)
        while (left := self.living() + sorted(map(str, self._temp.iterdir()))) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        return left

    def kill_all(self) -> None:
        """Ends it and all that carry the mark, for when a test has failed."""
        for process in psutil.process_iter():
            if self._is_marked(process):
                process.kill()
        self.process.communicate()

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
