"""One blocking producer a process: for web applications whose servers fork after the application was made."""

from __future__ import annotations

import os
from collections.abc import Callable

from monarq.producer.sync import SyncProducer


class ProcessProducer:
    """A `SyncProducer` that is made when it is first used, and anew in each fork. It is closed when the program ends.

    Args:
        make: makes one.
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
            # Without a lock, which another thread might hold while the process forks.
            mine = self._make()
            made = self._made.setdefault(pid, mine)
            if made is not mine:
                mine.close()
        return made
