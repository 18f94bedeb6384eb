"""A process's instructions, counted by valgrind's callgrind: slow, but independent of other load."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path


class Instructions:
    """The number of instructions that a process under callgrind has executed; it writes them to a file on request.

    Args:
        pid: the process.
        out: callgrind's output file.
    """

    def __init__(self, pid: int, out: Path) -> None:
        self._pid = pid
        self._out = out
        self._dumps = 0
        self._total = 0

    def read(self) -> float:
        """The number so far."""
        self._dumps += 1
        subprocess.run(("callgrind_control", "-d", "x", str(self._pid)), check=True, capture_output=True)
        written = self._out.with_name(f"{self._out.name}.{self._dumps}")
        while not (found := re.search(r"^(?:summary|totals): (\d+)$", written.read_text(), re.MULTILINE)):
            time.sleep(0.05)
        self._total += int(found[1])
        return self._total
