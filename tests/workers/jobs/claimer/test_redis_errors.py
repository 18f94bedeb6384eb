"""No error of Redis ends a loop of a worker: it is reported once, the call is repeated, and its success is reported."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from monarq.shared.formats.arq import worker_queue, worker_session
from tests.support.formats import OF_ARQ
from tests.support.workers import Recorder, make_worker, put, result_of, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

ERRORS = [
    ReadOnlyError("You can't write against a read only replica."),
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    ConnectionResetError(104, "Connection reset by peer"),
    TimeoutError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize(
    ("module", "command"), [(worker_queue, "claim"), (worker_session, "sweep")], ids=["claimer", "sweeper"]
)
async def test_the_call_is_repeated(
    redis: Redis,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    command: str,
    error: BaseException,
) -> None:
    failures = [error]
    real = getattr(module, command)

    async def fail_once(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(*args)

    monkeypatch.setattr(module, command, fail_once)
    recorder = Recorder()
    async with running(make_worker(redis_url, [jobs.plus], recorder, lease_s=0.6)):
        await recorder.until("redis_back")
        await put(redis, jobs.plus, 1, 2, job_id="sum")
        assert (await result_of(redis, "sum")).value == 3
    assert (recorder.events.count("redis_lost"), recorder.events.count("redis_back")) == (1, 1)
