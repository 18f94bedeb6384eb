"""`monarq enqueue`, as a process, with a real Redis and a real worker."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, job
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import LONGEST_S, Ended, end, heard, monarq, start, until, worker
from tests.support.formats import count_waiting, read_payload
from tests.support.queues import ARQ_QUEUE, NATIVE_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import put

QUEUE = NativeKeys.of(NATIVE_QUEUE.name)

Run = Callable[..., Awaitable[Ended]]


async def payload_of(redis: Redis, job_id: str, queue: QueueRef | None = None) -> Payload:
    data = await read_payload(redis, job_id, queue)
    assert data is not None
    return Payload.read(data, Codecs(allow_pickle=True))


async def test_it_prints_the_id_of_a_job_that_is_in(redis: Redis, redis_url: str) -> None:
    ended = await monarq(
        "enqueue", "tests.cli.target:join", "--kwargs", '{"sep": "+"}', "--", "-1", "text", '"2"', url=redis_url
    )
    assert (ended.code, ended.err) == (0, "")
    payload = await payload_of(redis, ended.out.strip())
    assert (payload.name, payload.args, payload.kwargs) == ("join", (-1, "text", "2"), {"sep": "+"})
    assert await count_waiting(redis) == 1


async def test_a_job_by_its_name_alone(redis: Redis, cli_here: Run) -> None:
    ended = await cli_here("enqueue", "elsewhere.task", "text", "-q", "emails")
    assert ended.code == 0
    emails = QueueRef("emails", "native")
    payload = await payload_of(redis, ended.out.strip(), emails)
    assert (payload.name, payload.args) == ("elsewhere.task", ("text",))
    assert await count_waiting(redis, emails) == 1


async def test_a_module_and_a_job_as_two_words_are_a_job_of_that_module(
    redis: Redis, cli_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_jobs.py").write_text(
        "from monarq import job\n@job\nasync def greet_customer(name: str) -> None: ...\nlimit = 5\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    ended = await cli_here("enqueue", "shop_jobs", "greet_customer", "a")
    assert ended.code == 0
    assert "to enqueue a job of the module shop_jobs: monarq enqueue shop_jobs:greet_customer" in ended.err
    assert await count_waiting(redis) == 1
    for words in (["shop_jobs", "limit"], ["shop_jobs", "1"], ["elsewhere", "greet_customer"], ["shop_jobs"]):
        assert (await cli_here("enqueue", *words)).err == ""


@pytest.mark.parametrize(
    ("target", "options", "places"),
    [
        ("task", ["-q", "emails"], [0, 1]),
        ("task", ["--arq-queue", "emails"], [1, 0]),
        ("tests.cli.mail_jobs:greet_by_mail", [], [0, 1]),
        ("tests.cli.mail_jobs:greet_by_mail", ["-q", "emails"], [0, 1]),
        ("tests.cli.mail_jobs:greet_by_mail", ["--arq-queue", "emails"], [1, 0]),
    ],
)
async def test_the_queue_is_the_one_that_was_given_and_else_the_jobs_own(
    redis: Redis, cli_here: Run, target: str, options: list[str], places: list[int]
) -> None:
    name = "emails" if options else "mail"
    assert (await cli_here("enqueue", target, "Ann", *options)).code == 0
    assert [await redis.zcard(name), await redis.zcard(NativeKeys.of(name).key("queued"))] == places


APP = """
from monarq import App, Middleware, job

class Tagging(Middleware):
    async def enqueue(self, outgoing, call_next):
        return await call_next(outgoing.replace(args=(*outgoing.args, "tagged")))

app = App("shop", queue="shop", redis={redis!r}, middleware=[Tagging()])

@app.job(name="{name}.own_of_app")
async def own_of_app(*words: str) -> None: ...

@job(name="{name}.beside_app")
async def beside_app(*words: str) -> None: ...
"""


@pytest.mark.parametrize("name", ["own_of_app", "beside_app"])
async def test_a_job_of_an_app_is_enqueued_with_its_redis_its_queue_and_its_middleware(
    redis: Redis,
    redis_url: str,
    cli: Callable[..., Ended],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (tmp_path / f"app_of_{name}.py").write_text(APP.format(redis=redis_url, name=name))
    monkeypatch.syspath_prepend(tmp_path)
    ended = await asyncio.to_thread(cli, "enqueue", f"app_of_{name}:{name}", "a")
    assert (ended.code, ended.err) == (0, "")
    payload = await payload_of(redis, ended.out.strip(), QueueRef("shop", "native"))
    assert (payload.name, payload.args) == (f"{name}.{name}", ("a", "tagged"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("n" * 251,), "a job's name is"),
        (("task", "-q", "q" * 251), "for '-q' / '--queue'"),
        (("task", "--arq-queue", "q" * 251), "for '--arq-queue'"),
        (("task", "-q", "mail~1"), "for '-q' / '--queue'"),
        (("task", "-q", "a", "--arq-queue", "b"), "give either --queue or --arq-queue, not both"),
        (("task", "-q", "two\nlines"), "control characters"),
        (("task", "--job-id", "i" * 1001), "job_id is"),
        (("task", "--defer-by", "999999d"), "a hundred years"),
    ],
)
async def test_names_and_times_have_limits(redis: Redis, cli_here: Run, arguments: tuple[str, ...], words: str) -> None:
    ended = await cli_here("enqueue", *arguments)
    assert (ended.code, words in " ".join(ended.err.split())) == (2, True), ended.err
    assert await redis.dbsize() == 0


async def test_a_dotted_path_that_can_be_imported(redis: Redis, cli_here: Run) -> None:
    ended = await cli_here("enqueue", "tests.cli.target.square", "3")
    assert ended.code == 0
    assert (await payload_of(redis, ended.out.strip())).name == "square"
    # It is a cpu job, which only the code can tell.
    assert await redis.zcard(QUEUE.key("queued_cpu")) == 1


async def test_later_and_with_an_end(redis: Redis, cli_here: Run) -> None:
    ended = await cli_here("enqueue", "name", "--defer-by", "1h", "--expires", "2h")
    job_id = ended.out.strip()
    seconds, _ = await redis.time()
    due_ms = await redis.zscore(QUEUE.key("deferred"), job_id)
    assert due_ms is not None
    assert 3590 <= due_ms / 1000 - int(seconds) <= 3601
    assert ((await payload_of(redis, job_id)).expires_ms or 0) > due_ms


async def test_a_job_of_arqs_format_goes_with_its_end(redis: Redis, cli_here: Run) -> None:
    ended = await cli_here("enqueue", "name", "--defer-by", "1h", "--expires", "2h", "--arq-queue", DEFAULT_QUEUE)
    job_id = ended.out.strip()
    seconds, _ = await redis.time()
    due_ms = await redis.zscore(DEFAULT_QUEUE, job_id)
    assert due_ms is not None
    assert 3590 <= due_ms / 1000 - int(seconds) <= 3601
    assert 7100 < await redis.ttl(job(job_id)) <= 7200


async def test_jobs_of_the_other_format_are_said_once(redis: Redis, cli_here: Run) -> None:
    await put(redis, "name", job_id="waits", queue=ARQ_QUEUE)
    ended = await cli_here("enqueue", "name")
    assert ended.err == (
        "monarq: 1 job waits in the queue arq:queue in arq's format; this job goes into default;"
        " to put it there too: --arq-queue arq:queue\n"
    )
    assert (await cli_here("enqueue", "name")).err == "", "where the queue itself has jobs, it is the one that is meant"
    assert (await cli_here("enqueue", "name", "--arq-queue", "arq:queue")).err == ""


async def test_an_id_is_put_in_once(redis: Redis, cli_here: Run) -> None:
    first = await cli_here("enqueue", "name", "1", "--job-id", "mine")
    second = await cli_here("enqueue", "name", "2", "--job-id", "mine")
    assert (first.code, first.out, first.err) == (0, "mine\n", "")
    assert (second.code, second.out) == (0, "mine\n")
    assert second.err == "monarq: job mine already exists; nothing was enqueued\n"
    assert (await payload_of(redis, "mine")).args == (1,)


async def test_pickled_for_arq(redis: Redis, cli_here: Run) -> None:
    ended = await cli_here("enqueue", "name", "1", "--pickle")
    assert (await payload_of(redis, ended.out.strip())).codec.name == "pickle"


async def test_a_thousand_lines_of_stdin(redis: Redis, redis_url: str) -> None:
    lines = "".join(f"{n}\n" for n in range(1000))
    ended = await monarq("enqueue", "tests.cli.target:double", "--from", "-", url=redis_url, stdin=lines.encode())
    ids = ended.out.split()
    assert (ended.code, len(ids), len(set(ids))) == (0, 1000, 1000)
    assert "1,000 jobs enqueued" in ended.err
    assert await count_waiting(redis) == 1000
    assert (await payload_of(redis, ids[0])).args == (0,)
    assert (await payload_of(redis, ids[-1])).args == (999,)


async def test_what_a_line_may_be(redis: Redis, cli_here: Run, tmp_path: Path) -> None:
    path = tmp_path / "jobs"
    path.write_text('[1, "x"]\n{"sep": "/"}\n\nsome text\n"[1]"\n')
    ended = await cli_here("enqueue", "tests.cli.target:join", "first", "--from", str(path))
    calls = [await payload_of(redis, job_id) for job_id in ended.out.split()]
    assert [(call.args, call.kwargs) for call in calls] == [
        (("first", 1, "x"), {}),
        (("first",), {"sep": "/"}),
        (("first", "some text"), {}),
        (("first", "[1]"), {}),
    ]


async def test_lines_go_in_while_the_pipe_is_open(redis: Redis, redis_url: str) -> None:
    process = await start("enqueue", "name", "--from", "-", url=redis_url)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"1\n")
    async with in_time(10):
        assert await process.stdout.readline()
    assert await count_waiting(redis) == 1
    assert (await end(process, b"2\n")).code == 0
    assert await count_waiting(redis) == 2


async def test_a_line_that_does_not_fit_is_named(redis: Redis, redis_url: str) -> None:
    ended = await monarq("enqueue", "tests.cli.target:double", "--from", "-", url=redis_url, stdin=b"1\n\n[1, 2]\n3\n")
    assert ended.code == 2
    assert "line 3 of stdin: double" in ended.err
    assert "too many positional arguments" in ended.err
    assert await count_waiting(redis) == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["tests.cli.target:double"], "missing a required argument: 'n'"),
        (["name", "99999999999999999999999"], "this int has more than 64 bits"),
        (["name", "--defer-by", "10", "--expires", "5"], "the job would never be started"),
    ],
)
async def test_what_cannot_be_a_job(redis: Redis, cli_here: Run, args: list[str], words: str) -> None:
    ended = await cli_here("enqueue", *args)
    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith("monarq: ")
    assert words in line


async def test_results_in_the_order_in_which_jobs_end(redis: Redis, redis_url: str, cli_here: Run) -> None:
    async with worker(redis_url):
        one = await monarq("enqueue", "tests.cli.target:double", "21", "--wait", url=redis_url)
        assert (one.code, one.err) == (0, "")
        assert one.results == [{"job_id": one.results[0]["job_id"], "state": "succeeded", "result": 42}]

        many = await monarq(
            "enqueue",
            "tests.cli.target:wait_ms",
            "--from",
            "-",
            "--wait",
            url=redis_url,
            stdin=b"900\n600\n300\n1\n",
        )
        assert many.code == 0
        assert [result["result"] for result in many.results] == [1, 300, 600, 900]
        assert "of 4 jobs, 4 ended and 0 failed" in many.err

        failed = await monarq(
            "enqueue",
            "tests.cli.target:fail_saying",
            "--from",
            "-",
            "--wait",
            url=redis_url,
            stdin=b"of course\nagain\n",
        )
        assert failed.code == 1
        assert {result["error"] for result in failed.results} == {"ValueError: of course", "ValueError: again"}
        assert {result["state"] for result in failed.results} == {"failed"}

        in_bytes = await cli_here("enqueue", "make_bytes", "--wait")
        assert in_bytes.results[0]["result"] == "AAE="  # as JSON has no bytes

        unknown = await cli_here("enqueue", "squar", "5", "--wait", "--timeout", "100ms")
        assert "no monarq worker of default has registered job 'squar'; did you mean 'square'?" in unknown.err
        assert "it waits for one that does" in unknown.err

        unknown = await cli_here("enqueue", "squar", "5")
        assert unknown.code == 0
        payload = await payload_of(redis, unknown.out.strip())
        assert (payload.name, payload.args) == ("squar", (5,)), "it is enqueued all the same"
        assert "no monarq worker of default has registered job 'squar'; did you mean 'square'?" in unknown.err

        known = await cli_here("enqueue", "square", "5")
        assert (known.code, known.err) == (0, "")

        by_name = await cli_here("enqueue", "square", "5", "--wait", "--timeout", "10s")
        assert by_name.results[0]["result"] == 25


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("promise_text",), "the result of promise_text"),
        (("double", "many"), "argument 'n' of double"),
        (("ask_monarq",), "job other has no result"),
    ],
)
async def test_a_job_that_failed_with_an_error_of_monarqs_is_failed(
    redis_url: str, cli_here: Run, args: tuple[str, ...], error: str
) -> None:
    async with worker(redis_url):
        ended = await cli_here("enqueue", *args, "--wait", "--timeout", "20s")
    assert ended.code == 1
    [result] = ended.results
    assert result["state"] == "failed"
    assert error in result["error"]


async def test_a_burst_ends_by_itself_and_a_thousand_results_are_printed(redis: Redis, redis_url: str) -> None:
    waiting = await start("enqueue", "tests.cli.target:double", "--from", "-", "--wait", url=redis_url)
    told = asyncio.create_task(end(waiting, "".join(f"{n}\n" for n in range(1000)).encode()))

    async def all_in() -> bool:
        return bool(await count_waiting(redis) == 1000)

    await until(all_in)
    burst = await monarq("worker", "tests.cli.target", "-w", "1", "--burst", url=redis_url)
    assert burst.code == 0
    ended = await told
    assert ended.code == 0
    assert sorted(result["result"] for result in ended.results) == [2 * n for n in range(1000)]
    assert "no monarq worker serves default now" in ended.err


async def test_no_longer_than_the_timeout(redis: Redis, cli_here: Run) -> None:
    ended = await cli_here("enqueue", "name", "--wait", "--timeout", "100ms")
    assert ended.code == 1
    assert "did not end within 0.1 s" in ended.results[0]["error"]
    assert await count_waiting(redis) == 1


async def test_ctrl_c_ends_the_wait_and_says_how_far_it_came(redis: Redis, redis_url: str) -> None:
    process = await start("enqueue", "name", "--wait", url=redis_url)

    async def is_in() -> bool:
        return bool(await count_waiting(redis))

    await until(is_in)
    process.send_signal(signal.SIGINT)
    ended = await end(process)
    assert ended.code == 130
    assert "jobs, 0 ended and 0 failed" in ended.err
    assert ended.err.endswith("\nmonarq: interrupted\n")


async def test_an_embedded_redis_ends_with_the_command(redis_url: str) -> None:
    process = await start("enqueue", "name", "--wait", "--redis", "embedded", url=redis_url)
    told = await heard(process, "waiting for one to run")
    assert re.search("which is stopped when this command ends: (redis|valkey)-server ", told)
    servers = psutil.Process(process.pid).children(recursive=True)
    assert servers
    process.send_signal(signal.SIGINT)
    assert (await end(process)).code == 130
    assert not any(server.is_running() for server in servers)


async def test_whoever_reads_the_output_may_stop(redis: Redis, redis_url: str) -> None:
    process = await start("enqueue", "name", "--from", "-", url=redis_url)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(b"1\n")
    await process.stdout.readline()
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    async with in_time(LONGEST_S):
        with suppress(ConnectionError):
            while process.returncode is None and not process.stdin.is_closing():
                process.stdin.write(b"2\n")
                await asyncio.sleep(0.01)
        assert await process.stderr.read() == b""
        assert await process.wait() == 1
