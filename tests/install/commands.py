"""Runs the commands of a user, who has nothing of this environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

LONGEST_S: Final = 300

BASE: Final = str(Path(sys.executable).resolve())
"""The Python that this environment was made with; its pip fills others, as in the Makefile."""


def run(*command: str, cwd: Path) -> str:
    """What it wrote; it is not to see this environment, nor this folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MONARQ_", "PYTHON", "VIRTUAL"))}
    ran = subprocess.run(
        command, cwd=cwd, env=kept, timeout=LONGEST_S, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert ran.returncode == 0, ran.stdout.decode()
    return ran.stdout.decode()
