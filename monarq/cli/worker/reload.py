"""`monarq worker --reload`: replaces the workers when the program's files change. It uses watchfiles."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from monarq.cli.terminal.console import say
from monarq.shared.errors import SettingsError
from monarq.shared.extras import missing_extra

Watcher = Callable[[Path], AsyncIterator[object]]


def find_watcher(endings: Sequence[str]) -> Watcher:
    """The watcher of a folder, which reports simultaneous changes as one.

    Args:
        endings: the endings of files to watch besides Python's own, such as ".toml". Other files, caches, virtual
            environments and version control are ignored.

    Raises:
        SettingsError: watchfiles is not installed.
    """
    try:
        watchfiles = import_module("watchfiles")
    except ModuleNotFoundError as error:
        raise SettingsError(missing_extra(error, "--reload") or str(error)) from error
    return partial(watchfiles.awatch, watch_filter=watchfiles.PythonFilter(extra_extensions=endings))


async def reload_on_changes(folder: Path, watcher: Watcher) -> None:
    """Makes the supervisor, which is this process, replace its workers after each change, until cancelled."""
    async for _ in watcher(folder):
        say(f"monarq: {folder} has changed: replacing the workers")
        os.kill(os.getpid(), signal.SIGHUP)
