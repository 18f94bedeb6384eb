"""`monarq queues`: what it lists, pauses, resumes and purges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from monarq import job
from monarq.monitor.admin import admin
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.choice.monitors import find_queue
from tests.cli.command import Cli, Ended
from tests.support.formats import OF_ARQ
from tests.support.queue_state import server_ms
from tests.support.queues import ARQ_QUEUE
from tests.support.workers import put, run_burst

pytestmark = OF_ARQ


@job(name="queue-nothing")
async def nothing() -> None:
    return None


async def test_a_list(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await put(redis, nothing, job_id="a")
    await put(redis, nothing, job_id="b", delay_ms=60_000)
    await admin.pause(redis, ARQ_QUEUE)
    [told] = (await cli_here("queues", "list", "--json")).results
    assert abs(told.pop("paused_since_ms") - await server_ms(redis)) < 5000
    counts = {"queued": 1, "deferred": 1, "running": 0, "dead": 0, "workers": 0}
    assert told == {"queue": DEFAULT_QUEUE, "format": "arq"} | counts
    lines = (await cli_here("queues", "list")).out.splitlines()
    assert lines[0].split() == ["queue", "queued", "deferred", "running", "dead", "workers"]
    assert lines[1].split()[:6] == [DEFAULT_QUEUE, "1", "1", "0", "0", "0"]
    assert "paused for" in lines[1]
    await put(redis, nothing, job_id="c", queue=QueueKeys.of("other"))
    [named] = (await cli_here("queues", "list", "other", "--json")).results
    assert (named["queue"], named["paused_since_ms"]) == ("other", None)
    help_shown = (await cli_here("queues", "list", "--help")).out
    assert all(name in help_shown for name in (*told, "paused_since_ms"))


async def test_pause_and_resume(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await put(redis, nothing, job_id="a")
    said = [(await cli_here("queues", "pause", DEFAULT_QUEUE)).err for _ in range(2)]
    assert said == ["monarq: arq:queue is paused; running jobs continue\n", "monarq: arq:queue was already paused\n"]
    worker = await run_burst(redis_url, [nothing])
    assert worker.counters.started == 0, "a burst does not wait for a paused queue"
    assert await redis.zcard(DEFAULT_QUEUE) == 1
    said = [(await cli_here("queues", "resume", DEFAULT_QUEUE)).err for _ in range(2)]
    assert said == ["monarq: arq:queue is resumed\n", "monarq: arq:queue was not paused\n"]
    worker = await run_burst(redis_url, [nothing])
    assert worker.counters.succeeded == 1


async def test_a_paused_queue_that_nobody_knows_was_not_paused(redis: Redis, cli_here: Cli) -> None:
    assert (await cli_here("queues", "pause", "emials")).code == 1
    assert await redis.exists(QueueKeys.of("emials").paused) == 0
    await put(redis, nothing, job_id="a", queue=QueueKeys.of("emials"))
    assert (await cli_here("queues", "pause", "emials")).code == 0


async def test_purge(redis: Redis, cli_here: Cli) -> None:
    for job_id, delay_ms in (("a", 0), ("b", 0), ("c", 60_000)):
        await put(redis, nothing, job_id=job_id, delay_ms=delay_ms)
    unasked = await cli_here("queues", "purge", DEFAULT_QUEUE)
    assert unasked.code == 2
    assert "this permanently deletes 3 queued and deferred jobs from arq:queue: confirm with --yes" in unasked.err
    ended = await cli_here("queues", "purge", DEFAULT_QUEUE, "--yes", "--state", "queued")
    assert (ended.code, ended.err) == (0, "monarq: deleted 2 jobs from arq:queue\n")
    assert await redis.zrange(DEFAULT_QUEUE, 0, -1) == [b"c"]
    ended = await cli_here("queues", "purge", DEFAULT_QUEUE, "--yes")
    assert (ended.code, ended.err) == (0, "monarq: deleted 1 job from arq:queue\n")
    ended = await cli_here("queues", "purge", DEFAULT_QUEUE)
    assert (ended.code, ended.err) == (0, "monarq: deleted 0 jobs from arq:queue\n"), "nothing to ask about"


@pytest.mark.parametrize("command", ["pause", "resume", "purge"])
async def test_which_queue(cli: Callable[..., Ended], command: str) -> None:
    ended = cli("queue", command)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "missing argument" in ended.err


async def test_a_narrow_terminal(redis: Redis, cli_here: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    await admin.pause(redis, ARQ_QUEUE)
    head, line = (await cli_here("queues", "list")).out.splitlines()
    assert len(head) <= 50
    assert head.split() == ["queue", "queued", "deferred", "running", "dead"]
    assert line.split() == [DEFAULT_QUEUE, "0", "0", "0", "0", "paused"]


async def test_shards(redis: Redis, cli_here: Cli) -> None:
    said = [(await cli_here("queues", "shards", "big", "4")).err for _ in range(2)]
    assert [each.splitlines()[-1] for each in said] == ["monarq: big has 4 shards"] * 2
    refused = await cli_here("queues", "shards", "big", "2")
    assert refused.code != 0
    assert "queue big has 4 shards and cannot be reduced to 2, as jobs would be lost" in refused.err
    await put(redis, nothing, job_id="a")
    for wrong in (["big", "0"], ["big", "257"], ["a~b", "2"]):
        assert (await cli_here("queues", "shards", *wrong)).code == 2


async def test_a_queue_in_arqs_format_is_not_hidden_by_shards(redis: Redis, cli_here: Cli) -> None:
    await put(redis, nothing, job_id="a")
    refused = await cli_here("queues", "shards", DEFAULT_QUEUE, "4")
    assert refused.code == 2
    assert f"the queue {DEFAULT_QUEUE} is in arq's format, which has no shards" in refused.err
    assert await find_queue(redis, DEFAULT_QUEUE) == ARQ_QUEUE
