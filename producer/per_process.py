"""One blocking producer per process, for web applications whose servers fork after the application was created."""

from __future__ import annotations

import os
from collections.abc import Callable

from monarq.producer.sync import SyncProducer


class ProcessProducer:
    """A `SyncProducer` that is made on first use in each process. It is closed when the program ends.

    Args:
        make: makes the producer.
    """

    def __init__(self, make: Callable[[], SyncProducer]) -> None:
        self._make = make
        self._made: dict[int, SyncProducer] = {}

    def get(self) -> SyncProducer:
        """The producer of this process.

        Raises:
            SettingsError: a setting has an invalid value.
        """
        pid = os.getpid()
        made = self._made.get(pid)
        if made is None:
            # No lock: another thread might hold it while the process forks.
            mine = self._make()
            made = self._made.setdefault(pid, mine)
            if made is not mine:
                mine.close()
        return made
