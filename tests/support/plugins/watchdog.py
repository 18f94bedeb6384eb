"""The watchdog of a test process: ends it when a test takes too long, and reports its stacks."""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from tests.support.plugins.stacks import all_stacks
from tests.support.slowness import patience_s

LOOKS_EVERY_S: Final = 0.5
LATER: Final = 3
"""The watchdog's own thread cannot look while code in C holds the interpreter. Then, after so many times the limit,
faulthandler ends the process."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Something that may hang.

    Attributes:
        name: what it is.
        limit_s: how long it may take on a quiet machine.
        begun_s: since when.
    """

    name: str
    limit_s: float
    begun_s: float


class Watchdog:
    """Looks at one thing at a time, from a thread.

    Args:
        tell: given the name of what hung and all stacks, before the process ends.
        stderr: where faulthandler writes: a descriptor that nobody captures.
    """

    def __init__(self, tell: Callable[[str, str], None], stderr: int) -> None:
        self._tell = tell
        self._stderr = stderr
        self._watched: Watched | None = None
        threading.Thread(target=self._look_on, name="watchdog", daemon=True).start()

    def watch(self, name: str, limit_s: float) -> None:
        """From now on this may take so long; what was watched before has ended."""
        self._watched = Watched(name, limit_s, time.monotonic())
        faulthandler.dump_traceback_later(LATER * patience_s(limit_s), exit=True, file=self._stderr)

    def rest(self) -> None:
        """Nothing is going on that could hang."""
        self._watched = None
        faulthandler.cancel_dump_traceback_later()

    def _look_on(self) -> None:
        while True:
            time.sleep(LOOKS_EVERY_S)
            watched = self._watched
            # By the machine's slowness as it is now, which may not be that of the beginning.
            if watched and time.monotonic() - watched.begun_s > patience_s(watched.limit_s):
                self._end(watched)

    def _end(self, watched: Watched) -> None:
        try:
            self._tell(f"{watched.name} took more than {patience_s(watched.limit_s):.0f} s", all_stacks())
            end_children()
        finally:
            os._exit(1)


def end_children() -> None:
    """Kills the children of this process, except an embedded Redis' watchdog, which ends by itself and cleans up."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if not any(word.endswith("watchdog.py") for word in child.cmdline()):
                for process in [*child.children(recursive=True), child]:
                    process.kill()
