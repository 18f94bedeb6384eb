"""Django's own tests of its Tasks, as they are, on monarq's backend in place of the dummy and of the immediate one.

`tests/django/run` puts this package beside Django's. What does not apply is left out by name, with the reason.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.tasks.backends import dummy, immediate
from redis import Redis

from monarq.django import MonarqBackend
from monarq.shared.redis.connection import redis_url
from monarq.testing import SyncSandbox

SANDBOX = SyncSandbox()


class ListingBackend(MonarqBackend):
    """In place of the dummy backend: can list what it has enqueued, as it is found in Redis, and forget it."""

    def __init__(self, alias, params):
        super().__init__(alias, params)
        self._ids = []

    def enqueue(self, task, args, kwargs):
        result = super().enqueue(task, args, kwargs)
        self._ids.append(result.id)
        return result

    async def aenqueue(self, task, args, kwargs):
        result = await super().aenqueue(task, args, kwargs)
        self._ids.append(result.id)
        return result

    @property
    def results(self):
        return [self.get_result(result_id) for result_id in self._ids]

    def clear(self):
        self._ids.clear()
        with Redis.from_url(redis_url()) as redis:
            redis.flushall()


class WaitingBackend(MonarqBackend):
    """In place of the immediate backend: a worker runs what was enqueued, before `enqueue` returns."""

    def enqueue(self, task, args, kwargs):
        result = super().enqueue(task, args, kwargs)
        SANDBOX.drain(raise_errors=False)
        result.refresh()
        return result

    async def aenqueue(self, task, args, kwargs):
        return await sync_to_async(self.enqueue)(task, args, kwargs)


# Django's tests name these classes, and their paths in settings.
dummy.DummyBackend = ListingBackend
immediate.ImmediateBackend = WaitingBackend

from tasks import test_custom_backend, test_dummy_backend, test_immediate_backend, test_tasks  # noqa: E402

import monarq.django.worker  # noqa: E402, F401 - declares the jobs of these tasks, which the sandbox runs

IN_MEMORY = "it changes the result of the dummy backend in memory"
NO_PRIORITY = "the backend has no priorities yet"
SUPPORTED = "it says that the backend cannot do what monarq's can"

LEFT_OUT = {
    "test_refresh_result": IN_MEMORY,
    "test_refresh_result_async": IN_MEMORY,
    "test_chained_using": NO_PRIORITY,
    "test_using_priority": NO_PRIORITY,
    "test_invalid_priority": NO_PRIORITY,
    "test_cannot_get_result": SUPPORTED,
    "test_cannot_refresh_result": SUPPORTED,
    "test_cannot_pass_run_after": SUPPORTED,
    "test_throws_keyboard_interrupt": "it interrupts the caller, in whose process no task of monarq runs",
}


def on_monarq(case: type, *, keeps: tuple[str, ...] = ()) -> type:
    """The tests of a class in a sandbox, without those that do not apply."""

    def set_up(self) -> None:
        SANDBOX.__enter__()
        self.addCleanup(SANDBOX.__exit__, None, None, None)
        case.setUp(self)

    left_out = {name: None for name in LEFT_OUT if hasattr(case, name) and name not in keeps}
    for name in left_out:
        print(f"left out: {case.__name__}.{name}: {LEFT_OUT[name]}")
    return type(f"{case.__name__}OnMonarq", (case,), {"setUp": set_up, "__module__": __name__, **left_out})


DummyBackend = on_monarq(test_dummy_backend.DummyBackendTestCase)
DummyBackendTransactions = on_monarq(test_dummy_backend.DummyBackendTransactionTestCase)
ImmediateBackend = on_monarq(test_immediate_backend.ImmediateBackendTestCase)
ImmediateBackendTransactions = on_monarq(test_immediate_backend.ImmediateBackendTransactionTestCase)
Tasks = on_monarq(test_tasks.TaskTestCase, keeps=("test_refresh_result",))  # which is another one here
CustomBackends = on_monarq(test_custom_backend.CustomBackendTestCase)
