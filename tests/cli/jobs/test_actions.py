"""`monarq jobs`: what it lists and shows, cancels and retries."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from typing import Any, Final

import pytest
from arq.connections import RedisSettings, create_pool
from redis.asyncio import Redis

from monarq import job
from monarq.cli.jobs.view import ROW_FIELDS
from monarq.monitor.admin import admin
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from tests.cli.command import Cli, Ended
from tests.support.formats import OF_ARQ
from tests.support.queue_state import server_ms
from tests.support.queues import ARQ_QUEUE, NATIVE_QUEUE
from tests.support.workers import make_worker, put, put_raw, run_burst, running

pytestmark = OF_ARQ

ANSI: Final = "\x1b[31mred\x1b[0m"


@job(name="listed-faulty")
async def faulty(message: str) -> None:
    raise ValueError(message)


async def test_an_empty_queue(cli_here: Cli) -> None:
    for form in ([], ["--json"]):
        ended = await cli_here("jobs", "list", *form)
        assert (ended.code, ended.out) == (0, "")
        assert ended.err == "monarq: no running, queued or deferred jobs in default\n"


async def test_jobs_by_state(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    began = asyncio.Event()

    @job(name="listed-endless")
    async def endless() -> None:
        began.set()
        await asyncio.Event().wait()

    await put(redis, faulty, "no", job_id="dead")
    await run_burst(redis_url, [faulty])
    await put(redis, endless, job_id="runs")
    worker = make_worker(redis_url, [endless], grace_s=0.0)
    async with running(worker):
        await began.wait()
        await admin.pause(redis, ARQ_QUEUE)
        await put(redis, "mail.send", job_id="waits")
        await put(redis, "mail.send", job_id="later", delay_ms=3_600_000)
        rows = (await cli_here("jobs", "list", "--json", *(f"--state={state}" for state in _STATES))).results
        table = (await cli_here("jobs", "list")).out.splitlines()
    assert [(row["job_id"], row["state"], row["name"]) for row in rows] == [
        ("runs", "running", "listed-endless"),
        ("waits", "queued", "mail.send"),
        ("later", "deferred", "mail.send"),
        ("dead", "failed", "listed-faulty"),
    ]
    assert all(set(row) == set(ROW_FIELDS) for row in rows)
    assert (rows[0]["worker"], rows[3]["error"]) == (worker.worker_id, "ValueError: no")
    assert table[0].split() == ["state", "id", "job", "tries"]
    assert [line.split()[:2] for line in table[1:]] == [["running", "runs"], ["queued", "waits"], ["deferred", "later"]]
    assert f"on {worker.worker_id} for" in table[1]
    assert "due in 59m" in table[3]


_STATES: Final = ("running", "queued", "deferred", "failed")


async def test_names_that_programs_rely_on(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await put(redis, faulty, "no", job_id="a")
    await run_burst(redis_url, [faulty])
    await put(redis, "mail.send", 1, job_id="b")
    a, b = (await cli_here("jobs", "show", "a", "b", "--json", "--payload")).results
    rows = {
        *("queue", "format", "job_id", "state", "name", "lane", "enqueued_ms", "due_ms", "tries", "crashes"),
        *("worker", "started_ms"),
        *("ended_ms", "error", "dead", "cancel_asked_ms", "payload_bytes"),
    }
    views = {
        *("crash_note", "payload_format", "signed", "arguments", "expires_ms", "traceback", "result", "timeline"),
        *rows,
    }
    assert set(ROW_FIELDS) == rows
    assert set(a) == set(b) == views
    assert (a["arguments"], b["arguments"], b["result"], a["result"]["error"]) == ("'no'", "1", None, "ValueError: no")
    assert set(b["timeline"][0]) == {"at_ms", "what", "note", "tries", "delay_ms", "worker"}
    assert [each["what"] for each in a["timeline"]] == ["enqueued", "started", "failed"]
    [without] = (await cli_here("jobs", "show", "b", "--json")).results
    assert without["arguments"] is None
    listed_help = (await cli_here("jobs", "list", "--help")).out
    shown_help = (await cli_here("jobs", "show", "--help")).out
    assert all(name in listed_help for name in rows)
    assert all(name in shown_help for name in {*(views - rows), *a["result"]})


async def test_a_job_for_people(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await put(redis, faulty, "no", job_id="a")
    await run_burst(redis_url, [faulty])
    shown = (await cli_here("jobs", "show", "a", "--payload")).out
    for words in (
        "state     failed",
        "job       listed-faulty",
        "arguments 'no'",
        "ValueError: no",
        "bytes, kept until 20",
        "Traceback",
        "timeline",
    ):
        assert words in shown, shown
    assert "UTC  enqueued" in shown


async def test_searches_say_how_far_they_went(redis: Redis, cli_here: Cli) -> None:
    payload = pickle.dumps({"t": None, "f": "other", "a": (), "k": {}, "et": 1})
    pipe = redis.pipeline()
    for number in range(1500):
        pipe.set(f"arq:job:{number}", payload)
    pipe.zadd(DEFAULT_QUEUE, {str(number): 1000 + number for number in range(1500)})
    await pipe.execute()
    ended = await cli_here("jobs", "list", "--name", "wanted*", "--state", "queued")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == [
        "monarq: only the first 1,000 queued jobs of arq:queue were searched",
        "monarq: no queued jobs named wanted* in arq:queue",
    ]
    few = await cli_here("jobs", "list", "--state", "queued", "--name", "oth?r", "--limit", "2", "--json")
    assert [row["job_id"] for row in few.results] == ["0", "1"]
    assert few.err == "monarq: there are more queued jobs than these 2; raise --limit to see them\n"
    many = await cli_here("jobs", "list", "--state", "queued", "--limit", "1400", "--json")
    assert [row["job_id"] for row in many.results] == [str(number) for number in range(1400)]


async def test_ids_that_nobody_knows(redis: Redis, cli_here: Cli) -> None:
    for command in ("show", "cancel", "retry"):
        ended = await cli_here("jobs", command, "nobody")
        assert (ended.code, ended.out) == (1, "")
        assert "no job nobody is known in default; use -q to look in other queues" in ended.err


async def test_cancel(redis: Redis, cli_here: Cli) -> None:
    await put(redis, "mail.send", job_id="a")
    await put(redis, "mail.send", job_id="b")
    await redis.set("arq:in-progress:b", "host:1:aa:io:1:1000", ex=60)
    ended = await cli_here("jobs", "cancel", "a", "b", "a")
    assert (ended.code, ended.err) == (0, "monarq: 2 jobs are being cancelled\n")
    assert sorted(await redis.zrange("arq:abort", 0, -1)) == [b"a", b"b"]
    [shown] = (await cli_here("jobs", "show", "a", "--json")).results
    assert shown["cancel_asked_ms"] is not None
    await admin.pause(redis, ARQ_QUEUE)
    ended = await cli_here("jobs", "cancel", "a")
    assert ended.err.splitlines()[0] == "monarq: a is in a paused queue and ends once that is resumed"


async def test_what_has_ended_at_once_is_not_said_to_be_under_way(redis: Redis, cli_here: Cli) -> None:
    for job_id in ("a", "b"):
        await put(redis, "mail.send", job_id=job_id, queue=NATIVE_QUEUE)
    ended = await cli_here("jobs", "cancel", "a", "-q", NATIVE_QUEUE.name)
    assert (ended.code, ended.err) == (0, "monarq: 1 job is cancelled\n")
    await put(redis, "mail.send", job_id="runs")
    await redis.set("arq:in-progress:runs", "host:1:aa:io:1:1000", ex=60)
    ended = await cli_here("jobs", "cancel", "b", "runs", "nobody", "-q", NATIVE_QUEUE.name, "-q", "arq:queue")
    assert ended.err.splitlines()[-1] == "monarq: 1 job refused, 1 job is being cancelled, 1 job is cancelled"


async def test_cancel_what_has_ended(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await put(redis, faulty, "no", job_id="a")
    await run_burst(redis_url, [faulty])
    ended = await cli_here("jobs", "cancel", "a")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "monarq: a not cancelled: it has already ended (failed)",
        "monarq: 1 job refused",
    ]


async def test_retry(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await put(redis, faulty, "no", job_id="dead")
    await run_burst(redis_url, [faulty])
    await put(redis, "mail.send", job_id="later", delay_ms=3_600_000)
    await put(redis, "mail.send", job_id="due")
    ended = await cli_here("jobs", "retry", "dead", "later", "due")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "monarq: due not retried: it is already due, and waits for a worker",
        "monarq: 1 job refused, 2 jobs are due now",
    ]
    rows = (await cli_here("jobs", "list", "--json")).results
    assert [(row["job_id"], row["state"]) for row in rows] == [
        ("due", "queued"),
        ("dead", "queued"),
        ("later", "queued"),
    ]


async def test_queues(redis: Redis, cli_here: Cli) -> None:
    other = QueueKeys.of("other")
    await redis.zadd("monarq:queues", {"other": await server_ms(redis)})
    await redis.expire("monarq:queues", 60)
    await put(redis, "mail.send", job_id="a", queue=other)
    assert [row["queue"] for row in (await cli_here("jobs", "list", "--json")).results] == ["other"]
    assert "other (arq)" not in (await cli_here("jobs", "list")).out, "one queue alone needs no name"
    await put(redis, "mail.send", job_id="b", queue=NATIVE_QUEUE)
    assert "other (arq)" in (await cli_here("jobs", "list")).out
    await admin.purge(redis, NATIVE_QUEUE)
    ended = await cli_here("jobs", "show", "b", "-q", "arq:queue", "-q", "other")
    assert (ended.code, ended.err.count("arq:queue, other (arq)")) == (1, 1)


async def test_nothing_reaches_the_terminal_as_a_command(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    @job(name="listed-red")
    async def red(message: str) -> str:
        return ANSI

    await put(redis, ANSI, ANSI, job_id=ANSI)
    await put(redis, red, ANSI, job_id="ended")
    await put_raw(redis, "pickled", pickle.dumps({"t": None, "f": ANSI, "a": (ANSI,), "k": {ANSI: 1}, "et": 1}))
    await run_burst(redis_url, [red])
    for args in (
        ["list"],
        ["list", "--state", "failed"],
        ["show", ANSI, "ended", "pickled", "--payload"],
        ["retry", ANSI, ANSI + "?"],
        ["cancel", ANSI + "?"],
        ["list", "--name", ANSI],
    ):
        ended = await cli_here("jobs", *args)
        assert "\x1b" not in ended.out + ended.err, args
    for line in (await cli_here("jobs", "show", ANSI, "ended", "--json", "--payload")).out.splitlines():
        assert json.loads(line)["queue"] == DEFAULT_QUEUE


async def test_a_narrow_terminal(redis: Redis, redis_url: str, cli_here: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    await put(redis, "a.rather.long.name.of.a.job", job_id="0123456789abcdef0123456789abcdef")
    out = (await cli_here("jobs", "list")).out
    assert max(map(len, out.splitlines())) <= 40
    joined = "".join(line for line in out.split())
    assert all(part in joined for part in ("queued", "due")), out


async def test_what_arq_s_clients_put_in(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    pool: Any = await create_pool(RedisSettings(unix_socket_path=redis_url.removeprefix("unix://")))
    await pool.enqueue_job("resize", "a.png", _job_id="a", width=10)
    await pool.aclose()
    [row] = (await cli_here("jobs", "list", "--json")).results
    assert (row["job_id"], row["name"]) == ("a", "resize")
    shown = (await cli_here("jobs", "show", "a", "--payload")).out
    assert "arguments 'a.png', width=10" in shown


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["show"], "missing argument"),
        (["cancel"], "missing argument"),
        (["list", "--state", "done"], "'done' is not one of"),
        (["list", "--limit", "0"], "0 is not in the range"),
    ],
)
async def test_what_is_refused_on_the_command_line(cli: Callable[..., Ended], args: list[str], words: str) -> None:
    ended = cli("jobs", *args)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert words in ended.err


async def test_without_a_redis(cli: Callable[..., Ended]) -> None:
    ended = await asyncio.to_thread(cli, "jobs", "list")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "cannot be reached" in ended.err
