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
    """The watcher of a folder, which reports changes that come together as one.

    Args:
        endings: of the files that count beside Python's own, such as ".toml". Other files do not, nor do caches,
            virtual environments and version control.

    Raises:
        SettingsError: watchfiles is not installed.
    """
    try:
        watchfiles = import_module("watchfiles")
    except ModuleNotFoundError as error:
        raise SettingsError(missing_extra(error, "--reload") or str(error)) from error
    return partial(watchfiles.awatch, watch_filter=watchfiles.PythonFilter(extra_extensions=endings))


async def reload_on_changes(folder: Path, watcher: Watcher) -> None:
    """Makes the supervisor, which is this process, replace its workers at each change, until cancelled."""
    async for _ in watcher(folder):
        say(f"monarq: the program in {folder} has changed: the workers are replaced")
        os.kill(os.getpid(), signal.SIGHUP)
