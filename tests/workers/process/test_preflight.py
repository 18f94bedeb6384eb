"""The Redis preflight of a worker: the version that it needs, and warnings where Redis can lose jobs."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from monarq.embedded import EmbeddedRedis
from monarq.shared.errors import RedisUnavailableError
from monarq.shared.redis.connection import open_redis
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.preflight import check_server, dangers_of
from tests.cli.command import heard, start, stop
from tests.support.workers import Recorder, run_burst


class Warnings(Dispatcher):
    """Keeps what is warned of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def redis_warning(self, text: str) -> None:
        self.told.append(text)


class Answers:
    """Stands in for a client: one INFO, or a refusal."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self._answer = answer

    async def info(self) -> dict[str, Any]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def warnings(client: Any, *, warns: bool = True) -> list[str]:
    recorder = Warnings()
    await check_server(client, "redis://here", recorder, warns=warns)
    return recorder.told


@pytest.fixture
async def changed(redis: Redis) -> AsyncIterator[Redis]:
    """A client whose server's settings are put back at the end."""
    names = ("maxmemory-policy", "appendonly")
    before = {name: (await redis.config_get(name))[name] for name in names}
    yield redis
    for name, value in before.items():
        await redis.config_set(name, value)


async def test_a_redis_that_keeps_jobs(changed: Redis) -> None:
    await changed.config_set("appendonly", "yes")
    await changed.config_set("maxmemory-policy", "noeviction")
    assert await warnings(changed) == []


async def test_each_danger_is_one_line_that_says_what_to_do(changed: Redis) -> None:
    await changed.config_set("appendonly", "no")
    await changed.config_set("maxmemory-policy", "allkeys-lru")
    eviction, appendonly = await warnings(changed)
    assert "maxmemory-policy is allkeys-lru" in eviction
    assert eviction.endswith("set maxmemory-policy noeviction")
    assert appendonly.endswith("set appendonly yes, or start `monarq redis` with --data-dir")
    assert "\n" not in eviction + appendonly
    assert await warnings(changed, warns=False) == []


@pytest.mark.parametrize("version", ["6.0.16", "5.0.7", "2.8.4", "6.1"])
@pytest.mark.parametrize("warns", [True, False])
async def test_a_redis_that_is_too_old(version: str, warns: bool) -> None:
    with pytest.raises(RedisUnavailableError, match=f"is version {version}: monarq needs 6.2 or newer"):
        await warnings(Answers({"redis_version": version}), warns=warns)


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "8.2", "10.1.0", "255.255.255", "unstable", ""])
async def test_a_redis_that_is_new_enough(version: str) -> None:
    assert await warnings(Answers({"redis_version": version})) == []


@pytest.mark.parametrize(
    "answer",
    [{}, ResponseError("unknown command 'INFO'"), NoPermissionError("no"), TimeoutError(), ConnectionError("cut")],
    ids=repr,
)
async def test_a_redis_that_does_not_answer_info(answer: Any) -> None:
    assert await warnings(Answers(answer)) == []


def test_dangers_are_those_that_info_shows() -> None:
    assert dangers_of({"maxmemory_policy": "noeviction", "aof_enabled": 1}) == []
    assert len(dangers_of({"maxmemory_policy": "volatile-ttl", "aof_enabled": 0})) == 2


async def test_a_redis_that_refuses_info(redis: Redis, redis_url: str) -> None:
    """Managed servers may; a worker runs there all the same."""
    await redis.acl_setuser("worker", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"], commands=["+@all"])
    await redis.execute_command("ACL", "SETUSER", "worker", "-info")  # type: ignore[no-untyped-call]
    try:
        client = open_redis(redis_url, username="worker", password="pw")
        with pytest.raises(NoPermissionError):
            await client.info()
        assert await warnings(client) == []
        await client.aclose()
    finally:
        await redis.acl_deluser("worker")


async def test_a_worker_looks_before_it_takes_jobs(redis: Redis, redis_url: str) -> None:
    recorder = Recorder()
    await run_burst(redis_url, [_job()], recorder)
    assert recorder.events.index("redis_warning") < recorder.events.index("worker_started")
    silent = Recorder()
    await run_burst(redis_url, [_job()], silent, preflight_warnings=False)
    assert "redis_warning" not in silent.events


def _job() -> object:
    from monarq import job

    @job(name="nothing_to_do")
    async def nothing() -> None: ...

    return nothing


async def test_one_worker_of_a_pool_warns_it_and_no_successor_again() -> None:
    with EmbeddedRedis(port=0) as server:
        process = await start("worker", "tests.cli.target", "-w", "2", url=server.url)
        said = await heard(process, " serves ") + await heard(process, " serves ")
        process.send_signal(signal.SIGHUP)
        said += await heard(process, "rolling restart: done")
        ended = await stop(process)
        assert (said + ended.err).count("Redis can lose jobs: appendonly is off") == 1
        assert ended.code == 0


async def test_it_is_not_said_of_a_private_redis() -> None:
    process = await start("worker", "tests.cli.target", "-w", "1", "--redis", "embedded", url="redis://127.0.0.1:1")
    said = await heard(process, "serving")
    ended = await stop(process)
    assert "can lose jobs" not in said + ended.err
