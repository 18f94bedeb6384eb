"""The queues of `monarq worker`: of either format or both, by options, environment and settings."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq import Producer, Queue
from monarq.shared.formats.native.keys import FLEET_RECORDS, NativeKeys
from tests.cli.command import heard, monarq, start, stop, until
from tests.cli.mail_jobs import greet_by_mail, triple_by_mail
from tests.support.slowness import patience_s

MAIL = NativeKeys.of("mail")


async def test_one_worker_serves_queues_of_both_formats(redis: Redis, redis_url: str) -> None:
    process = await start(
        *("worker", "tests.cli.mail_jobs", "-w", "1", "-q", "slow", "--arq-queue", "mail", "--native-queue", "mail"),
        *("--native-queue", "mail"),
        url=redis_url,
    )
    said = await heard(process, "Ctrl-C")
    assert "serves slow, mail (arq), mail with 3 jobs" in said
    assert "serving slow, mail (arq), mail, Redis at" in said
    assert "does not serve" not in said
    async with Producer(redis_url) as producer:
        native = await producer.enqueue(greet_by_mail, "Ann")
        arq = await producer.enqueue(greet_by_mail.options(queue=Queue("mail", format="arq")), "Ben")
        slow = await producer.enqueue(triple_by_mail.options(queue="slow"), 2)
        assert [await each.result(patience_s(10)) for each in (native, arq, slow)] == ["hello Ann", "hello Ben", 6]
    # A tick of the cron of a job that is declared for the native queue.
    await until(lambda: redis.hexists(MAIL.key("cron"), "cron:report * * * * * *"))
    [record] = (await redis.hgetall(FLEET_RECORDS)).values()
    assert b'"queues":["slow","mail (arq)","mail"]' in record
    assert (await stop(process)).code == 0


async def test_a_native_queue_alone_named_by_the_environment(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=Queue("mail")) as producer:
        handle = await producer.enqueue("double", 4)
        options = ("-w", "1", "--burst")
        ended = await monarq(
            *("worker", "tests.cli.target", *options), url=redis_url, env={"MONARQ_WORKER_NATIVE_QUEUE": "mail"}
        )
        assert (ended.code, "serving mail, Redis" in ended.err) == (0, True)
        assert await handle.result(5) == 8


async def test_jobs_of_queues_that_are_not_served_are_named_with_the_options_that_would(
    redis: Redis, redis_url: str
) -> None:
    ended = await monarq("worker", "tests.cli.mail_jobs", "-w", "1", "--burst", url=redis_url)
    assert "does not serve: mail (greet_by_mail, report); to serve all: -q arq:queue --native-queue mail" in ended.err


async def test_settings_as_arq_has_them_name_more_queues(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=Queue("mail")) as producer:
        handle = await producer.enqueue("greet", "Ann")
        target = "tests.cli.worker.arq_settings.WithMail"
        ended = await monarq("worker", target, "--burst", "--redis", redis_url, url=redis_url)
        assert "serving arq:greetings, mail, Redis" in ended.err
        assert await handle.result(5) == "hello Ann"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--native-queue", "a{b}"), "invalid value for '--native-queue': a queue's name is 'a{b}'"),
        (("--native-queue", ""), "invalid value for '--native-queue': a queue's name must not be empty"),
        (("--arq-queue", ""), "invalid value for '--arq-queue': a queue's name must not be empty"),
        (("-q", ""), "invalid value for '-q' / '--queue': a queue's name must not be empty"),
        (("-q", "q" * 251), "--queue or --arq-queue is 'qqqq"),
    ],
)
async def test_a_name_that_cannot_be_one_is_refused_with_the_option_that_has_it(
    redis_url: str, options: tuple[str, ...], words: str
) -> None:
    ended = await monarq("worker", "tests.cli.mail_jobs", "-w", "1", *options, url=redis_url)
    assert ended.code == 2
    assert words in ended.err


async def test_a_wrong_name_in_the_environment_is_refused_with_its_variable(redis_url: str) -> None:
    ended = await monarq("worker", "tests.cli.mail_jobs", url=redis_url, env={"MONARQ_WORKER_NATIVE_QUEUE": "mail a~1"})
    assert ended.code == 2
    assert "it comes from the environment variable MONARQ_WORKER_NATIVE_QUEUE" in ended.err
