"""The Redis that scenarios fault does what they rely on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from chaos.checks.due import Due
from chaos.processes.redis_server import RedisServer, find_in_aof
from tests.support.slowness import in_time


async def test_full_disk_refuses_writes_and_loses_none(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    await server.start()
    try:
        await server.client.set("before", "1")
        server.fill_disk()
        acknowledged = await _write_until_refused(server)
        server.empty_disk()
        async with in_time(20):
            while (await server.client.info("persistence"))["aof_last_write_status"] != "ok":
                await asyncio.sleep(0.05)
        await server.client.set("after", "1")
        await _until_written(server)
        await server.kill()
        await server.start()
        assert await server.client.exists("before", "after") == 2
        assert await server.client.get("number") == str(acknowledged).encode()
    finally:
        await server.stop()


async def test_what_a_crash_of_the_machine_takes_is_a_suffix(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    await server.start()
    try:
        await server.client.set("before", "1")
        written = server.written_bytes()
        await server.client.set("after", "1")
        await server.kill()
        server.forget_after(written)
        await server.start()
        assert await server.client.keys() == [b"before"]
    finally:
        await server.stop()


async def test_what_a_killed_server_had_written_is_found_in_the_links_to_its_aof(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", appendfsync="no")
    await server.start()
    try:
        await server.command("HSET", "payloads", "job-1", "payload")
        await server.kill()
        server.link_aof(tmp_path / "kept")
        assert find_in_aof(tmp_path / "kept", ["job-1", "job", "job-10"]) == {"job-1"}
    finally:
        await server.stop()


async def _until_written(server: RedisServer) -> None:
    """While the disk is slow to take what was written before, Redis answers first and writes later."""
    async with in_time(20):
        while (await server.client.info("persistence"))["aof_buffer_length"]:
            await asyncio.sleep(0.05)


async def _write_until_refused(server: RedisServer) -> int:
    """How many writes were acknowledged before one was refused."""
    for acknowledged in range(1_000_000):
        try:
            await server.client.incr("number")
        except ResponseError as refusal:
            if "MISCONF" not in str(refusal):
                raise
            return acknowledged
    raise AssertionError("it takes writes although its disk is full")


@pytest.mark.parametrize("defer_s", [0.0, 1.25, 3.141592653589793])
def test_due_time_goes_through_the_ledger(defer_s: float) -> None:
    due = Due(defer_s, 12_345_678_901_234)
    assert Due.read(due.note()) == due
