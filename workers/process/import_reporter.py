"""Tells the supervisor what the program is importing, so that it can report an import that hangs."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final, Self

from monarq.workers.config.importer import imported_module
from monarq.workers.control.messages import Importing

if TYPE_CHECKING:
    from monarq.workers.control.channel import WorkerEnd

TELL_EVERY_S: Final = 1.0


class ImportReporter:
    """Reports every second during the block, from a thread, since the import occupies the main one.

    Args:
        channel: the channel to the supervisor; the block must not use it.
    """

    def __init__(self, channel: WorkerEnd) -> None:
        self._channel = channel
        self._importer = threading.get_ident()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="monarq-import", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _tell(self) -> None:
        told = ""
        while not self._is_over.wait(TELL_EVERY_S):
            frames = sys._current_frames()  # noqa: SLF001 - documented, and named so as it is for debuggers
            place = imported_module(frames.get(self._importer))
            if place and place != told:
                self._channel.send(Importing(place))
                told = place
