"""Starts the command `monarq` as a process, in the project's folder."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def environment(url: str, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command, without variables that would change its behaviour."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MONARQ_", "REDIS", "COLUMNS"))}
    return kept | {"REDIS_URL": url} | dict(changes or {})


async def start_monarq(
    *args: str, url: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT, **streams: Any
) -> asyncio.subprocess.Process:
    """Starts `monarq`; its streams are those of `asyncio.create_subprocess_exec`."""
    command = (sys.executable, "-m", "monarq", *args)
    changes = {"PYTHONPATH": str(ROOT)} | dict(env or {})
    return await asyncio.create_subprocess_exec(*command, cwd=cwd, env=environment(url, changes), **streams)
