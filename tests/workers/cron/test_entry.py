"""Cron entries of monarq's own declarations: what they enqueue, and what is refused."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import SettingsError
from monarq.shared.jobs.cron_declaration import cron
from monarq.shared.jobs.decorators import job
from monarq.shared.lane import Lane
from monarq.shared.options.retry import Exponential
from monarq.shared.options.run_options import RunOptions
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue
from monarq.workers.cron.entry import entries_of
from tests.support.formats import read_payload, waiting_ids
from tests.workers.cron.schedulers import NOON, QUEUE, Clock, entry, ms_of, scheduler


async def test_declarations_of_monarqs_own(redis: Redis, clock: Clock) -> None:
    @job(lane="thread", queue="other")
    def report(name: str, *, deep: bool = False) -> None: ...

    one = scheduler(*entries_of([cron(report, "@hourly", args=("x",), kwargs={"deep": True})]))
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    other = QueueRef("other", "native")
    (member,) = await waiting_ids(redis, other)
    data = MSGPACK.loads(await read_payload(redis, member.decode(), other) or b"")
    assert (data["f"], data["a"], data["k"]) == (report.name, ["x"], {"deep": True})
    assert data["et"] == ms_of(clock.moment)


async def test_cpu_jobs_go_where_cpu_lanes_look(redis: Redis, clock: Clock) -> None:
    one = scheduler(entry(lane=Lane.CPU))
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    assert await redis.zcard(QUEUE.cpu) == 1


def test_a_declared_queue_keeps_its_format() -> None:
    @job(queue=Queue("mail", format="native"))
    async def greet() -> None: ...

    assert [each.queue for each in entries_of([cron(greet, "@hourly")])] == [QueueRef("mail", "native")]


def test_cron_is_no_decorator() -> None:
    with pytest.raises(SettingsError, match=r"cron\(nightly, '0 3 \* \* \*'\), not '@daily'"):
        cron("@daily")  # type: ignore[arg-type]  # the very mistake


def test_two_declarations_of_one_name_with_other_arguments_are_refused() -> None:
    @job
    async def greet(name: str) -> None: ...

    hourly = [cron(greet, "@hourly", args=("a",)), cron(greet, "@daily", args=("a",))]
    assert len(entries_of(hourly)) == 2
    with pytest.raises(SettingsError, match=r"named 'cron:.*greet': give one of them a name="):
        entries_of([*hourly, cron(greet, "@hourly", args=("b",))])
    assert len(entries_of([*hourly, cron(greet, "@hourly", args=("b",), name="b")])) == 3


@pytest.mark.parametrize(
    ("catch_up", "remembers", "all_of_them"),
    [(None, True, False), ("last", True, False), ("all", True, True), ("none", False, False)],
)
def test_what_is_caught_up(catch_up: Any, remembers: bool, all_of_them: bool) -> None:
    @job(name=f"entry.{catch_up}")
    async def greet() -> None: ...

    options = {} if catch_up is None else {"catch_up": catch_up}
    (entry,) = entries_of([cron(greet, "@hourly", **options)])
    assert (entry.remembers, entry.catch_up) == (remembers, all_of_them)


@pytest.mark.parametrize("catch_up", [True, False, "newest", None])
def test_what_cannot_be_caught_up(catch_up: Any) -> None:
    with pytest.raises(SettingsError, match=r"catch_up is .*: give 'last', 'all' or 'none'"):
        cron(greeting, "@hourly", catch_up=catch_up)


@job
async def greeting() -> None: ...


async def test_ticks_carry_what_is_said_of_their_runs_and_go_to_the_queue_that_is_named(
    redis: Redis, clock: Clock
) -> None:
    options = greeting.options(queue=Queue("hourly"), timeout="1m", keep_result="forever", retry=2)
    one = scheduler(*entries_of([cron(options, "@hourly")]))
    await one.run_once(redis)
    clock.moment = NOON + timedelta(hours=1)
    await one.run_once(redis)
    queue = QueueRef("hourly", "native")
    (member,) = await waiting_ids(redis, queue)
    payload = Payload.read(await read_payload(redis, member.decode(), queue) or b"", Codecs())
    assert RunOptions.from_plain(payload.options) == RunOptions(60.0, math.inf, None, Exponential(2))


@pytest.mark.parametrize(
    "options",
    [{"defer_by": 1}, {"defer_until": NOON}, {"expires": 5}, {"job_id": "one"}],
    ids=lambda given: next(iter(given)),
)
def test_options_of_one_enqueue_mean_nothing_to_a_cron(options: Any) -> None:
    with pytest.raises(SettingsError, match=f"cron of greeting: {next(iter(options))} is for a single enqueue"):
        cron(greeting.options(**options), "@hourly")
