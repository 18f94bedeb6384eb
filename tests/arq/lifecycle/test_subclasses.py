"""Subclasses, arguments and attributes of arq's `Worker`, tried on arq's own and on monarq's."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import subprocess
import sys
from collections import UserDict
from collections.abc import Callable
from typing import Any

import arq.worker
import pytest
from redis.asyncio import Redis

import monarq.arq.worker
from monarq.shared.errors import SettingsError
from monarq.shared.formats.arq import keys as names
from tests.arq import jobs
from tests.arq.jobs import Ctx
from tests.arq.workers import until
from tests.support.slowness import in_time, patience_s

KINDS: dict[str, type[Any]] = {"arq": arq.worker.Worker, "monarq": monarq.arq.worker.Worker}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> type[Any]:
    """Each worker in turn."""
    return KINDS[request.param]


async def runs(worker: Any, pool: arq.ArqRedis, name: str, *args: Any) -> Any:
    """Lets a worker in burst mode run one job, and gives its result."""
    job = await pool.enqueue_job(name, *args)
    assert job is not None
    async with in_time(30):
        await worker.main()
    return await job.result(timeout=patience_s(10))


def options(pool: arq.ArqRedis, **settings: Any) -> dict[str, Any]:
    return {"redis_pool": pool, "handle_signals": False, "poll_delay": 0.02, "burst": True, **settings}


async def test_a_subclass_may_collect_its_jobs_before_it_is_made(kind: type[Any], stock: arq.ArqRedis) -> None:
    class Collecting(kind):  # type: ignore[misc,valid-type]
        def __init__(self, **settings: Any) -> None:
            found = [getattr(self, name) for name in dir(self) if name.startswith("job")]
            super().__init__([arq.func(method, name=method.__name__) for method in found], **settings)

        async def job_greet(self, ctx: Ctx, name: str) -> str:
            return f"hello {name}"

    worker = Collecting(**options(stock))
    assert list(worker.functions) == ["job_greet"]
    assert await runs(worker, stock, "job_greet", "Ann") == "hello Ann"


OWN = ("log", "runner", "health", "core", "life", "running", "waiting", "signals", "picks", "arguments", "settings")


async def test_a_subclass_may_have_attributes_and_methods_of_any_name(kind: type[Any], stock: arq.ArqRedis) -> None:
    class Full(kind):  # type: ignore[misc,valid-type]
        def __init__(self, **settings: Any) -> None:
            for name in OWN:
                setattr(self, f"_{name}", "mine")
            super().__init__([jobs.add], **settings)
            for name in OWN:
                setattr(self, name, "mine")
                setattr(self, f"_{name}", "mine")
            self.target = "mine"

        def read_again(self) -> None:
            raise AssertionError

        _stop = _make_core = _opened_pool = _wait_for_completion = read_again

    worker = Full(**options(stock))
    assert await runs(worker, stock, "add", 1, 2) == 3
    assert (worker.jobs_complete, worker.target, worker._log) == (1, "mine", "mine")


def test_a_subclass_has_its_own_signature(kind: type[Any]) -> None:
    class Mine(kind):  # type: ignore[misc,valid-type]
        def __init__(self, name: str, *, size: int = 3) -> None: ...

    class Same(kind):  # type: ignore[misc,valid-type]
        """With arq's arguments."""

    assert list(inspect.signature(Mine).parameters) == ["name", "size"]
    assert inspect.signature(Same) == inspect.signature(arq.worker.Worker)


async def test_it_is_a_worker_of_arqs() -> None:
    worker = monarq.arq.Worker([jobs.add], handle_signals=False)
    assert isinstance(worker, arq.Worker)
    assert issubclass(monarq.arq.Worker, arq.Worker)


async def test_functions_that_come_after_the_making(kind: type[Any], stock: arq.ArqRedis) -> None:
    async def at_start(ctx: Ctx) -> None:
        worker.functions["later"] = arq.func(jobs.add)

    worker = kind([jobs.fail], **options(stock, on_startup=at_start))
    worker.functions["late"] = arq.func(jobs.add, name="another")
    worker.functions["fail"] = arq.func(jobs.add, name="fail")
    for name in ("late", "later", "fail"):
        assert await runs(worker, stock, name, 1, 2) == 3


@pytest.mark.parametrize("held", [iter, tuple, set, lambda given: dict.fromkeys(given).keys()])
async def test_whatever_can_be_walked_holds_functions(
    kind: type[Any], stock: arq.ArqRedis, held: Callable[[Any], Any]
) -> None:
    worker = kind(held([jobs.add, jobs.sleep]), **options(stock))
    assert set(worker.functions) == {"add", "sleep"}
    assert await runs(worker, stock, "add", 1, 2) == 3


async def test_cron_jobs_of_a_generator(stock: arq.ArqRedis) -> None:
    """Of which arq loses all."""
    crons = (arq.cron(function, month=2, day=29) for function in [jobs.count_run])
    worker = KINDS["monarq"]([jobs.add], **options(stock, cron_jobs=crons))
    assert [cron.name for cron in worker.cron_jobs] == ["cron:count_run"]


async def test_ctx_may_be_whatever_is_used_like_a_dict(kind: type[Any], stock: arq.ArqRedis) -> None:
    async def read(ctx: Ctx) -> Any:
        return ctx["given"]

    async def at_start(ctx: Ctx) -> None:
        assert isinstance(ctx, UserDict)

    settings = options(stock, ctx=UserDict(given=7), on_startup=at_start)
    assert await runs(kind([arq.func(read, name="read")], **settings), stock, "read") == 7


NUMBERS: list[dict[str, Any]] = [
    {"max_jobs": 10.0, "max_tries": 2.0, "queue_read_limit": 50},
    {"max_tries": float("inf"), "keep_result": 60.5, "job_timeout": 9.5, "health_check_interval": 0.5},
]


@pytest.mark.parametrize("numbers", NUMBERS)
async def test_numbers_of_any_type(kind: type[Any], stock: arq.ArqRedis, numbers: dict[str, Any]) -> None:
    worker = kind([jobs.add], **options(stock, **numbers))
    given = (numbers.get("max_jobs", 10), numbers["max_tries"])
    assert (worker.max_jobs, worker.max_tries) == given
    assert await runs(worker, stock, "add", 1, 2) == 3


async def test_numbers_that_arq_cannot_count_with(stock: arq.ArqRedis) -> None:
    numbers = {"max_jobs": float("inf"), "max_burst_jobs": 5.0, "expires_extra_ms": 86_400_000.0, "job_timeout": None}
    worker = monarq.arq.Worker([jobs.add, jobs.sleep], **options(stock, **numbers))
    assert await runs(worker, stock, "add", 1, 2) == 3


@pytest.mark.parametrize("wrong", [{"max_jobs": 2.5}, {"max_jobs": "10"}, {"max_tries": float("nan")}, {"ctx": [1]}])
async def test_what_is_no_number_and_no_dict_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"(max_jobs|max_tries|ctx) is"):
        monarq.arq.Worker([jobs.add], handle_signals=False, **wrong)


async def test_counts_may_be_set(kind: type[Any], stock: arq.ArqRedis) -> None:
    worker = kind([jobs.add], **options(stock))
    worker.jobs_complete = 5
    await runs(worker, stock, "add", 1, 2)
    assert worker.jobs_complete == 6


async def test_steps_that_nothing_calls_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    class Stepping(monarq.arq.Worker):
        async def run_job(self, job_id: str, score: int) -> None: ...

    with caplog.at_level(logging.WARNING, "arq.worker"):
        Stepping([jobs.add], handle_signals=False)
    assert "Stepping overrides run_job, which nothing calls here" in caplog.text


PROGRAM = """
import asyncio, importlib, signal, sys
from arq.connections import RedisSettings
from tests.arq import jobs

kind, path, how = sys.argv[1:]
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
settings = RedisSettings(unix_socket_path=path)
worker = importlib.import_module(kind).Worker([jobs.add], redis_settings=settings, poll_delay=0.02)

def mine(*_):
    print("mine", flush=True)

if how == "loop":
    loop.add_signal_handler(signal.SIGTERM, mine)
elif how == "signal":
    signal.signal(signal.SIGTERM, mine)
worker.run()
"""


@pytest.mark.parametrize("package", ["arq.worker", "monarq.arq.worker"])
# What `signal.signal` sets is called beside the loop's own handler, with arq too.
@pytest.mark.parametrize(
    ("how", "told", "ends"), [("loop", "mine", False), ("signal", "mine", True), ("not", "", True)]
)
async def test_signal_handlers_of_the_program_stay(
    stock: arq.ArqRedis, redis: Redis, package: str, how: str, told: str, ends: bool
) -> None:
    path = str(stock.connection_pool.connection_kwargs["path"])
    command = [sys.executable, "-c", PROGRAM, package, path, how]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        await until(lambda: stock.exists("arq:queue" + names.HEALTH_CHECK_SUFFIX))
        os.kill(process.pid, signal.SIGTERM)
        async with in_time(20):
            assert (await process.stdout.readline()).decode().strip() == told
            if not ends:
                job = await stock.enqueue_job("add", 1, 2)
                assert job is not None
                assert await job.result() == 3
            else:
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
