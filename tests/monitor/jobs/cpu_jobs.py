"""A cpu job, which the process of the lane imports."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from monarq import job


@job(name="monitored-die-once")
def die_once(died: str) -> None:
    """Kills its process the first time."""
    if not Path(died).exists():
        Path(died).touch()
        os.kill(os.getpid(), signal.SIGKILL)
