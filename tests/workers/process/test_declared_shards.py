"""The shards that jobs and settings declare a queue with, at the start of a worker."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import Queue, job
from monarq.shared.errors import SettingsError
from monarq.shared.formats.native.queues.shards import read_shards
from monarq.shared.formats.native.sharded import growth
from monarq.shared.formats.native.shards import Shards
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.process.main import build_worker
from tests.support.shards import spread
from tests.support.slowness import in_time
from tests.support.workers import settings_for_tests


@job(name="declared.four", queue=Queue("big", shards=4))
async def four() -> None: ...


@job(name="declared.any", queue=Queue("big"))
async def any_number() -> None: ...


@job(name="declared.eight", queue=Queue("big", shards=8))
async def eight() -> None: ...


@pytest.fixture(autouse=True)
def nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(growth.set_shards.__kwdefaults__, "settled_after_s", 0.0)


def worker_of(monkeypatch: pytest.MonkeyPatch, url: str, *jobs: Any, **overrides: Any) -> Any:
    module = ModuleType("jobs_with_shards")
    vars(module).update({each.name: each for each in jobs})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return build_worker(WorkerSpec(module.__name__, url, {"queues": ["big"], "burst": True} | overrides), lambda: None)


async def start(worker: Any) -> None:
    async with in_time(20):
        await worker.run()


async def test_a_worker_gives_a_queue_its_shards(redis: Redis, redis_url: str, monkeypatch: Any) -> None:
    for _ in range(2):
        await start(worker_of(monkeypatch, redis_url, four, any_number))
        assert await read_shards(redis, ["big"]) == [Shards(4, opened=4)]
    await start(worker_of(monkeypatch, redis_url, any_number))
    assert await read_shards(redis, ["big"]) == [Shards(4, opened=4)]


async def test_a_later_start_with_more_raises_the_number_and_one_with_fewer_is_refused(
    redis: Redis, redis_url: str, monkeypatch: Any
) -> None:
    await start(worker_of(monkeypatch, redis_url, four))
    await start(worker_of(monkeypatch, redis_url, eight))
    [shards] = await read_shards(redis, ["big"])
    assert shards is not None
    assert (shards.count, shards.before, shards.opened) == (8, (4,), 8)
    with pytest.raises(SettingsError, match=r"queue big has 8 shards and cannot be reduced to 4.*declare it with 8"):
        await start(worker_of(monkeypatch, redis_url, four))


async def test_two_numbers_in_one_program_are_refused(redis_url: str, monkeypatch: Any) -> None:
    with pytest.raises(SettingsError, match="queue big is declared with 4 shards and with 8: give one"):
        worker_of(monkeypatch, redis_url, four, eight)


async def test_what_it_does_not_serve_it_leaves_alone(redis: Redis, redis_url: str, monkeypatch: Any) -> None:
    await start(worker_of(monkeypatch, redis_url, four, queues=["other"]))
    assert await read_shards(redis, ["big"]) == [None]


def test_settings_name_them_too() -> None:
    assert WorkerSettings(queues=[Queue("big", shards=4), "mail"]).shards == {"big": 4}  # type: ignore[arg-type]
    assert settings_for_tests(queues=["mail"]).shards == {}
    with pytest.raises(SettingsError, match="declared with 4 shards and with 2"):
        WorkerSettings(queues=[Queue("big", shards=4), Queue("big", shards=2)])  # type: ignore[arg-type]


def test_only_native_queues_have_shards() -> None:
    assert Queue("big", shards=256).shards == 256
    for wrong in (0, 257, True, "4", 2.0):
        with pytest.raises(SettingsError, match="give a whole number from 1 to 256"):
            Queue("big", shards=wrong)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="arq's format cannot have shards"):
        Queue("arq:queue", format="arq", shards=2)


async def test_a_queue_that_was_spread_by_a_command_needs_no_declaration(
    redis: Redis, redis_url: str, monkeypatch: Any
) -> None:
    await spread(redis, 2)
    await start(worker_of(monkeypatch, redis_url, any_number))
