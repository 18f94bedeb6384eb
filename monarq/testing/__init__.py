"""Testing of applications that use monarq: a private Redis for each test, with jobs and time controlled by the test.

The fixtures ``monarq`` and ``monarq_sync`` of the pytest plugin, and `SandboxMixin` for unittest and Django, provide a
sandbox. Names are loaded on first use, as the plugin must cost next to nothing in test runs without a sandbox.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monarq.testing.cases import SandboxMixin as SandboxMixin
    from monarq.testing.contexts import context as context
    from monarq.testing.contexts import sync_context as sync_context
    from monarq.testing.inline import run_inline as run_inline
    from monarq.testing.records import Ended as Ended
    from monarq.testing.records import EnqueuedJob as EnqueuedJob
    from monarq.testing.sandbox import Sandbox as Sandbox
    from monarq.testing.sync import SyncSandbox as SyncSandbox

_MODULES = {
    "Ended": "monarq.testing.records",
    "EnqueuedJob": "monarq.testing.records",
    "Sandbox": "monarq.testing.sandbox",
    "SandboxMixin": "monarq.testing.cases",
    "SyncSandbox": "monarq.testing.sync",
    "context": "monarq.testing.contexts",
    "run_inline": "monarq.testing.inline",
    "sync_context": "monarq.testing.contexts",
}

__all__ = ["Ended", "EnqueuedJob", "Sandbox", "SandboxMixin", "SyncSandbox", "context", "run_inline", "sync_context"]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'monarq.testing' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
