"""A user of Redis who has the rights that docs/guides/security.md lists, and no other, can do all that monarq does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from monarq import Producer, RedisRefusedError
from monarq.arq import create_pool
from monarq.arq.connections import RedisSettings
from monarq.cli.app import run
from tests.support.formats import OF_ARQ, ON_BOTH, current_name, current_queue
from tests.support.pool import pool
from tests.support.slowness import patience_s

DOCS = Path(__file__).parents[2] / "docs" / "guides" / "security.md"
JOBS = "tests.acceptance.acl_jobs"


@pytest.fixture
async def user_url(redis: Redis, redis_url: str) -> AsyncIterator[str]:
    """The URL of that user; at the end nothing may have been denied to them."""
    words = re.findall(r"^ACL SETUSER monarq (.*)$", DOCS.read_text(), re.MULTILINE)[0].split()
    if await _version(redis) < (7, 2):
        words.remove("+client|setinfo")  # there is no such command
    await redis.execute_command("ACL", "LOG", "RESET")
    await redis.execute_command("ACL", "SETUSER", "monarq", *words)
    yield f"unix://monarq:PASSWORD@{urlsplit(redis_url).path}"
    denied = await redis.execute_command("ACL", "LOG")
    await redis.execute_command("ACL", "DELUSER", "monarq")
    names = [dict(zip(entry[::2], entry[1::2], strict=True)).get(b"object") for entry in denied]
    # redis-py says who it is, and goes on where that is refused; before 7.0 all of CLIENT is one right.
    harmless = {b"client"} if await _version(redis) < (7,) else set()
    assert set(names) <= harmless


async def _version(redis: Redis) -> tuple[int, ...]:
    return tuple(map(int, (await redis.info("server"))["redis_version"].split(".")))


@ON_BOTH
async def test_a_pool_a_producer_and_the_command_line(user_url: str) -> None:
    async with pool(JOBS, url=user_url), Producer(user_url, queue=current_name()) as producer:
        handles = [await producer.enqueue(name) for name in ("in_loop", "in_child", "in_thread", "again")]
        assert await asyncio.gather(*[handle.result(patience_s(30)) for handle in handles]) == [
            "in_loop",
            "in_child",
            "in_thread",
            2,
        ]
        long = await producer.enqueue("for_ever")
        async for told in long.watch():
            assert told.done == 1
            break
        await long.cancel()
        failed = await producer.enqueue("fail")
        with pytest.raises(ValueError, match="no"):
            await failed.result(patience_s(30))
        await producer.enqueue_many("in_loop", [(), ()])
        queue = current_queue().name
        for words in (
            ["stats", "--json"],
            ["workers", "--jobs"],
            ["jobs", "list"],
            ["jobs", "show", failed.job_id],
            ["queues", "pause", queue],
            ["queues", "list"],
            ["queues", "resume", queue],
            ["dead", "list"],
            ["dead", "show", failed.job_id],
            ["dead", "retry", failed.job_id],
            ["queues", "purge", queue, "--yes"],
        ):
            assert await asyncio.to_thread(run, [*words, "--redis", user_url]) == 0, words


@OF_ARQ
async def test_arqs_names(user_url: str) -> None:
    settings = RedisSettings(unix_socket_path=urlsplit(user_url).path, username="monarq", password="PASSWORD")
    async with pool("tests.acceptance.arq_app.WorkerSettings", url=user_url):
        client = await create_pool(settings)
        try:
            job = await client.enqueue_job("multiply", 2)
            assert job is not None
            assert await job.result(timeout=patience_s(30)) == 6
            assert await client.queued_jobs() == []
        finally:
            await client.aclose()


@ON_BOTH
async def test_what_is_denied_is_reported_with_the_way_out(redis: Redis, user_url: str) -> None:
    await redis.execute_command("ACL", "SETUSER", "monarq", "-zadd")
    async with Producer(user_url, queue=current_name()) as producer:
        with pytest.raises(
            RedisRefusedError, match=r"may not do this: docs/guides/security.md \(A user of Redis\) lists"
        ):
            await producer.enqueue("in_loop")
    await redis.execute_command("ACL", "LOG", "RESET")
    await redis.flushall()  # the call was refused in its middle
