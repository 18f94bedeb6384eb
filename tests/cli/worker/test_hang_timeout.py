"""`monarq worker --hang-timeout`."""

from __future__ import annotations

from redis.asyncio import Redis

from tests.cli.command import Cli, heard, start, stop


async def test_a_worker_whose_loop_stands_still_is_replaced_after_this_time(
    redis: Redis, redis_url: str, cli_here: Cli
) -> None:
    process = await start("worker", "tests.cli.target", "-w", "1", "--hang-timeout", "1.5s", url=redis_url)
    await heard(process, "serving")
    await cli_here("enqueue", "block_the_loop", "60")
    said = await heard(process, "no heartbeat")
    assert "1.5 s" in said
    await heard(process, "block_the_loop")
    await redis.flushall()
    await stop(process)
