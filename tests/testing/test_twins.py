"""The two sandboxes, and the two contexts, have the same methods and arguments."""

from __future__ import annotations

import inspect

from monarq.testing import Sandbox, SyncSandbox, context, sync_context


def _methods(kind: type) -> dict[str, inspect.Signature]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: inspect.signature(method) for name, method in found if not name.startswith("_")}


def test_the_blocking_sandbox_has_the_methods_of_the_other() -> None:
    assert _methods(Sandbox) == _methods(SyncSandbox)
    assert inspect.signature(Sandbox) == inspect.signature(SyncSandbox)


def test_only_what_waits_for_jobs_is_awaited() -> None:
    awaited = {name for name, method in vars(Sandbox).items() if inspect.iscoroutinefunction(inspect.unwrap(method))}
    assert awaited == {"__aenter__", "__aexit__", "drain"}
    assert not any(inspect.iscoroutinefunction(method) for name, method in vars(SyncSandbox).items() if name[0] != "_")


def test_the_contexts_take_the_same() -> None:
    assert list(inspect.signature(context).parameters) == list(inspect.signature(sync_context).parameters)
