"""The queues of `monarq worker`: of either format or both, by options, environment and settings."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq import Producer, Queue
from monarq.producer import named
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.native.keys import FLEET_RECORDS, NativeKeys
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import heard, monarq, start, stop, until
from tests.cli.mail_jobs import greet_by_mail, triple_by_mail
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import patience_s
from tests.support.workers import put

MAIL = NativeKeys.of("mail")


async def test_one_worker_serves_queues_of_both_formats(redis: Redis, redis_url: str) -> None:
    process = await start(
        *("worker", "tests.cli.mail_jobs", "-w", "1", "-q", "slow", "--arq-queue", "mail", "-q", "mail"),
        *("-q", "mail"),
        url=redis_url,
    )
    said = await heard(process, "Ctrl-C")
    assert "serves slow, mail, mail (arq) with 3 jobs" in said
    assert "serving slow, mail, mail (arq), Redis at" in said
    assert "does not serve" not in said
    async with Producer(redis_url) as producer:
        native = await producer.enqueue(greet_by_mail, "Ann")
        arq = await producer.enqueue(greet_by_mail.options(queue=Queue("mail", format="arq")), "Ben")
        slow = await producer.enqueue(triple_by_mail.options(queue="slow"), 2)
        assert [await each.result(patience_s(10)) for each in (native, arq, slow)] == ["hello Ann", "hello Ben", 6]
    # A tick of the cron of a job that is declared for the native queue.
    await until(lambda: redis.hexists(MAIL.key("cron"), "cron:report * * * * * *"))
    [record] = (await redis.hgetall(FLEET_RECORDS)).values()
    assert b'"queues":["slow","mail","mail (arq)"]' in record
    assert (await stop(process)).code == 0


async def test_a_native_queue_alone_named_by_the_environment(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=Queue("mail")) as producer:
        handle = await producer.enqueue("double", 4)
        options = ("-w", "1", "--burst")
        ended = await monarq(
            *("worker", "tests.cli.target", *options), url=redis_url, env={"MONARQ_WORKER_QUEUES": "mail"}
        )
        assert (ended.code, "serving mail, Redis" in ended.err) == (0, True)
        assert await handle.result(patience_s(5)) == 8


async def test_jobs_of_queues_that_are_not_served_are_named_with_the_options_that_would(
    redis: Redis, redis_url: str
) -> None:
    ended = await monarq("worker", "tests.cli.mail_jobs", "-w", "1", "--burst", url=redis_url)
    told = "the queues of some of its jobs: mail (greet_by_mail, report); to serve all: -q default -q mail"
    assert f"does not serve {told}" in ended.err


async def test_jobs_in_the_queue_of_the_other_format_are_said_once_at_the_start(redis: Redis, redis_url: str) -> None:
    await put(redis, "double", 4, job_id="left", queue=ARQ_QUEUE)
    ended = await monarq("worker", "tests.cli.target", "-w", "2", "--burst", url=redis_url)
    told = (
        "1 job waits in the queue arq:queue in arq's format, which this worker does not serve; to serve it: --arq-queue"
    )
    assert ended.err.count(told) == 1
    served = await monarq("worker", "tests.cli.target", "-w", "1", "--burst", "--arq-queue", "arq:queue", url=redis_url)
    assert "in arq's format" not in served.err


async def test_a_burst_ends_without_the_jobs_of_paused_queues_and_says_in_one_line_what_to_do(
    redis: Redis, redis_url: str
) -> None:
    old = Queue("old", format="arq")
    async with Producer(redis_url) as producer:
        for queue in (Queue("mail"), old):
            await producer.enqueue(named("double").options(queue=queue), 4)
    paused = [monitor_queue(QueueRef("mail", "native")), monitor_queue(QueueRef("old", "arq"))]
    for queue in paused:
        await queue.pause(redis)
    options = ("-w", "2", "--burst", "-q", "mail", "-q", "slow", "--arq-queue", "old")
    ended = await monarq("worker", "tests.cli.target", *options, url=redis_url)
    told = (
        "the queues mail, old (arq) are paused, and this burst ends without their jobs; to resume:"
        " monarq queues resume mail; monarq queues resume --arq old"
    )
    assert (ended.code, ended.err.count(told), ended.err.count("paused")) == (0, 1, 1)
    assert [(await queue.read_counts(redis)).queued for queue in paused] == [1, 1]
    for queue in paused:
        await queue.resume(redis)
    ended = await monarq("worker", "tests.cli.target", *options, url=redis_url)
    assert (ended.code, "paused" in ended.err) == (0, False)
    assert [(await queue.read_counts(redis)).queued for queue in paused] == [0, 0]


async def test_a_worker_says_at_its_start_that_its_queue_is_paused(redis: Redis, redis_url: str) -> None:
    await monitor_queue(QueueRef("mail", "native")).pause(redis)
    process = await start("worker", "tests.cli.target", "-w", "1", "-q", "mail", url=redis_url)
    said = await heard(process, "serves mail")
    assert "the queue mail is paused, and this worker runs none of its jobs; to resume:" in said
    assert (await stop(process)).code == 0


async def test_settings_as_arq_has_them_name_more_queues(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=Queue("mail")) as producer:
        handle = await producer.enqueue("greet", "Ann")
        target = "tests.cli.worker.arq_settings.WithMail"
        ended = await monarq("worker", target, "--burst", "--redis", redis_url, url=redis_url)
        assert "serving arq:greetings, mail, Redis" in ended.err
        assert await handle.result(patience_s(5)) == "hello Ann"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-q", "a{b}"), "invalid value for '-q' / '--queue': a queue's name is 'a{b}'"),
        (("--arq-queue", ""), "invalid value for '--arq-queue': a queue's name must not be empty"),
        (("-q", ""), "invalid value for '-q' / '--queue': a queue's name must not be empty"),
        (("-q", "q" * 251), "invalid value for '-q' / '--queue': a queue's name is 'qqqq"),
    ],
)
async def test_a_name_that_cannot_be_one_is_refused_with_the_option_that_has_it(
    redis_url: str, options: tuple[str, ...], words: str
) -> None:
    ended = await monarq("worker", "tests.cli.mail_jobs", "-w", "1", *options, url=redis_url)
    assert ended.code == 2
    assert words in ended.err


async def test_a_wrong_name_in_the_environment_is_refused_with_its_variable(redis_url: str) -> None:
    ended = await monarq("worker", "tests.cli.mail_jobs", url=redis_url, env={"MONARQ_WORKER_QUEUES": "mail a~1"})
    assert ended.code == 2
    assert "it comes from the environment variable MONARQ_WORKER_QUEUES" in ended.err
