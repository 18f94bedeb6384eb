"""`monarq queues move`: what it says, where it stops, and that kills of it lose and double nothing."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq import Queue, job
from monarq.monitor.admin import admin
from monarq.producer import Producer
from monarq.shared.formats.arq.keys import HEALTH_CHECK_SUFFIX
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import Cli, start
from tests.support.slowness import in_time
from tests.support.workers import make_worker, running

ARQ: Final = QueueRef("arq:queue", "arq")
NATIVE: Final = QueueRef("mail", "native")

ran: Counter[int] = Counter()


@job(name="move-count", keep_result=0)
async def count(number: int) -> None:
    ran[number] += 1


async def enqueue(url: str, ref: QueueRef, *numbers: int) -> None:
    async with Producer(url, queue=Queue(ref.name, format=ref.format)) as producer:
        for number in numbers:
            await producer.enqueue(count.options(job_id=f"job{number}"), number)


async def counts(redis: Redis, ref: QueueRef) -> tuple[int, int]:
    found = await monitor_queue(ref).read_counts(redis)
    return found.queued, found.deferred


async def test_it_says_what_it_does(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await enqueue(redis_url, ARQ, 1, 2)
    ended = await cli_here("queues", "move", "arq:queue", "mail", "--dry-run")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        "monarq: 2 jobs of arq:queue would be moved to mail (2 queued, 0 deferred); 0 running would stay\n"
    )
    assert await admin.paused_since_ms(redis, ARQ) is None
    ended = await cli_here("queues", "move", "arq:queue", "mail")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        "monarq: arq:queue is paused and stays paused; running jobs continue\n"
        "monarq: 2 jobs moved from arq:queue to mail\n"
    )
    assert await counts(redis, NATIVE) == (2, 0)
    ended = await cli_here("queues", "move", "mail", "arq:queue", "--to-arq", "--json")
    [told] = ended.results
    queues = {"source": "mail", "source_format": "native", "target": "arq:queue", "target_format": "arq"}
    nothing = {"was_in": 0, "running": 0, "cancelling": 0, "without_payload": 0, "left": [], "taken": []}
    assert told == queues | nothing | {"is_dry": False, "is_complete": True, "moved": 2}
    help_shown = (await cli_here("queues", "move", "--help")).out
    assert all(name in help_shown for name in told)
    await redis.flushall()


async def test_what_cannot_be_moved_is_listed(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await enqueue(redis_url, ARQ, 1, 2)
    await enqueue(redis_url, NATIVE, 1)
    ended = await cli_here("queues", "move", "arq:queue", "mail", "--json")
    assert ended.code == 1
    assert "monarq: job1 was not moved: another job with this id waits or runs in the target queue\n" in ended.err
    assert ended.err.endswith("monarq: 1 job moved from arq:queue to mail, 1 could not be moved\n")
    assert ended.results[0]["left"] == [
        {"job_id": "job1", "why": "another job with this id waits or runs in the target queue"}
    ]
    await redis.flushall()


async def test_what_it_refuses(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await enqueue(redis_url, ARQ, 1)
    for words, code, why in (
        (["emials", "mail"], 1, "unknown queue emials"),
        (["arq:queue", "a~b"], 2, "must not contain {, } or ~"),
        (["arq:queue", "other", "--to-arq"], 2, "both in arq's format"),
        (["arq:queue", "arq:queue", "--to-arq"], 2, "is both the source and the target"),
        (["arq:queue", "arq:queue"], 2, "differ only in their format"),
        (["arq:queue", "mail", "--rate", "0"], 2, "is not a rate"),
    ):
        ended = await cli_here("queues", "move", *words)
        assert (ended.code, ended.out, why in ended.err) == (code, "", True), ended.err
        assert ended.err.count("\n") == 1
    assert not await monitor_queue(QueueRef(ARQ.name, "native")).is_known(redis)
    await redis.set(ARQ.name + HEALTH_CHECK_SUFFIX, "j_complete=0", ex=3600)
    for dry in ([], ["--dry-run"]):
        ended = await cli_here("queues", "move", "arq:queue", "mail", *dry)
        assert ended.code == 2
        assert "stop them, and if none is left, confirm it with --arq-workers-stopped" in ended.err
    assert await admin.paused_since_ms(redis, ARQ) is None
    assert (await cli_here("queues", "move", "arq:queue", "mail", "--arq-workers-stopped")).code == 0
    await redis.flushall()


async def test_of_many_that_are_left_some_are_shown_and_all_are_in_the_json(
    redis: Redis, redis_url: str, cli_here: Cli
) -> None:
    await enqueue(redis_url, ARQ, *range(25))
    await enqueue(redis_url, NATIVE, *range(25))
    ended = await cli_here("queues", "move", "arq:queue", "mail", "--json")
    assert ended.code == 1
    assert ended.err.count("was not moved: another job with this id") == 20
    assert "monarq: and 5 more (--json lists all)\n" in ended.err
    assert len(ended.results[0]["left"]) == 25
    await redis.flushall()


@asynccontextmanager
async def slow_move(url: str, rate: str = "100/s") -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, once it has moved something."""
    process = await start("queues", "move", "arq:queue", "mail", "--rate", rate, url=url)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def moves_something(redis: Redis) -> None:
    async with in_time(20):
        while not sum(await counts(redis, NATIVE)):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_it_between_two_pages(redis: Redis, redis_url: str, number: int, code: int) -> None:
    await enqueue(redis_url, ARQ, *range(300))
    async with slow_move(redis_url) as process:
        await moves_something(redis)
        process.send_signal(number)
        out, err = await process.communicate()
        assert process.returncode == code, err
    assert (out, b"the move is not finished" in err) == (b"", False)
    here, there = await counts(redis, ARQ), await counts(redis, NATIVE)
    assert here[0] + there[0] == 300
    assert here[0]
    said = f"monarq: stopped; {here[0]} jobs still wait in arq:queue: run it again, or resume arq:queue\n"
    assert err.decode().endswith(said)
    assert await admin.resume(redis, ARQ)
    await redis.flushall()


async def test_an_interrupted_move_keeps_the_queue_from_being_resumed(
    redis: Redis, redis_url: str, cli_here: Cli
) -> None:
    await enqueue(redis_url, ARQ, *range(300))
    async with slow_move(redis_url) as process:
        await moves_something(redis)
        process.kill()
        await process.wait()
    ended = await cli_here("queues", "resume", "arq:queue")
    assert ended.code == 2
    assert "arq:queue cannot be resumed: a move of its jobs has not ended" in ended.err
    ended = await cli_here("queues", "move", "arq:queue", "mail", "--rate", "100000/s")
    assert "monarq: arq:queue was already being moved; this run continues the move\n" in ended.err
    assert (await counts(redis, NATIVE))[0] == 300
    assert (await cli_here("queues", "resume", "arq:queue")).code == 0
    await redis.flushall()


@pytest.mark.timeout(120)
async def test_kills_lose_and_double_nothing_while_producers_and_workers_go_on(redis: Redis, redis_url: str) -> None:
    """Jobs that waited and jobs that come meanwhile; workers of the new queue run them and keep no results."""
    ran.clear()
    waiting, kills = 400, 6
    await enqueue(redis_url, ARQ, *range(waiting))
    chance = random.Random(4)
    may_end = asyncio.Event()

    async def produce() -> int:
        number = waiting
        async with Producer(redis_url, queue=Queue(ARQ.name, format="arq")) as producer:
            while not may_end.is_set():
                await producer.enqueue(count, number)
                number += 1
                await asyncio.sleep(0.01)
        return number

    async with running(make_worker(redis_url, [count], queues=(NATIVE, ARQ))):
        await admin.pause(redis, ARQ)
        produced = asyncio.create_task(produce())
        for _ in range(kills):
            before = sum(ran.values())
            async with slow_move(redis_url, "1000/s") as process:
                async with in_time(20):
                    while sum(ran.values()) == before:
                        await asyncio.sleep(0.005)
                await asyncio.sleep(chance.random() * 0.1)  # anywhere within a page
                process.kill()
        may_end.set()
        total = await produced
        last = await start("queues", "move", "arq:queue", "mail", "--rate", "100000/s", url=redis_url)
        _, err = await last.communicate()
        assert last.returncode == 0, err
        async with in_time(30):
            while sum(ran.values()) < total:
                await asyncio.sleep(0.01)
        assert await admin.resume(redis, ARQ)
    assert sorted(ran) == list(range(total)), "LOST"
    assert set(ran.values()) == {1}, "DUP"
    await redis.flushall()
