"""`monarq worker` on the native queue of the scenarios: ``python -m chaos.processes.native_worker TARGET …``."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, Final

from chaos.queues.native import NativeView
from monarq.targets import ARQ
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.process.target_loader import LoadedTarget


class NativeTargets:
    """Loads targets as `monarq worker` does, for the native queue; see `TargetLoader`."""

    def adapt(self, settings: WorkerSettings) -> WorkerSettings:
        """See `TargetLoader`."""
        return dataclasses.replace(ARQ.adapt(settings), queues=(NativeView.ref,))

    def takes(self, found: object) -> bool:
        """See `TargetLoader`."""
        return ARQ.takes(found)

    def load(self, found: object, target: str, url: str | None, overrides: Mapping[str, Any]) -> LoadedTarget:
        """See `TargetLoader`."""
        loaded = ARQ.load(found, target, url, overrides)
        return dataclasses.replace(loaded, settings=dataclasses.replace(loaded.settings, queues=(NativeView.ref,)))


TARGETS: Final = NativeTargets()


def main() -> None:
    """Runs the command."""
    from monarq.cli import main as run
    from monarq.cli.worker import command

    command.LOADERS = ("chaos.processes.native_worker:TARGETS",)  # type: ignore[misc]
    sys.argv.insert(1, "worker")
    run()


if __name__ == "__main__":
    main()
