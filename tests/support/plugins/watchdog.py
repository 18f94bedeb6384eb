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
"""The watchdog's own thread cannot run while C code holds the GIL. In that case faulthandler ends the process after
this many times the limit."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Something that may hang.

    Attributes:
        name: its name.
        limit_s: how long it may take on a quiet machine.
        begun_s: since when.
    """

    name: str
    limit_s: float
    begun_s: float


class Watchdog:
    """Watches one thing at a time, in a thread.

    Args:
        tell: called with the name of what hung and all stacks, before the process ends.
        stderr: the descriptor to which faulthandler writes; it must not be captured.
    """

    def __init__(self, tell: Callable[[str, str], None], stderr: int) -> None:
        self._tell = tell
        self._stderr = stderr
        self._watched: Watched | None = None
        threading.Thread(target=self._look_on, name="watchdog", daemon=True).start()

    def watch(self, name: str, limit_s: float) -> None:
        """Watches something with this limit, instead of what was watched before."""
        self._watched = Watched(name, limit_s, time.monotonic())
        faulthandler.dump_traceback_later(LATER * patience_s(limit_s), exit=True, file=self._stderr)

    def rest(self) -> None:
        """Watches nothing."""
        self._watched = None
        faulthandler.cancel_dump_traceback_later()

    def _look_on(self) -> None:
        while True:
            time.sleep(LOOKS_EVERY_S)
            watched = self._watched
            # Uses the machine's slowness now, which may differ from that at the beginning.
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
