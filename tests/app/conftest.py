"""Runs apps in this process."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from monarq import App
from monarq.targets import APP
from monarq.workers.process.worker import Worker
from tests.support.formats import current_queue
from tests.support.slowness import in_time

RunApp = Callable[..., Coroutine[Any, Any, Worker]]


@pytest.fixture
def run_app(redis_url: str) -> RunApp:
    """Runs a worker of an app, or of a module, until no job is left."""

    async def run(found: App | Any, **overrides: Any) -> Worker:
        queue = [list(current_queue())]
        loaded = APP.load(found, "app", redis_url, {"queues": queue, "burst": True, **overrides})
        worker = loaded.worker()
        async with in_time(30):
            await worker.run()
        return worker

    return run
