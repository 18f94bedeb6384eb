"""Options of one enqueue that travel in the job, and those of its queue: which counts, and that each is obeyed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import Delays, Exponential, Fixed, Linear, Producer, Queue, job, named
from monarq.shared.errors import PayloadTooLargeError, SettingsError
from monarq.shared.jobs.job import Job
from monarq.shared.options.run_options import RunOptions
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codecs
from monarq.shared.payloads.payload import Payload, write_payload
from monarq.shared.payloads.payload_head import read_head
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.precheck import Precheck, Rejected
from monarq.workers.jobs.registry import register
from monarq.workers.runs.registered_job import RegisteredJob
from monarq.workers.runs.run import ActiveRun
from tests.support.formats import ON_BOTH, current_queue
from tests.support.leases import lease_of
from tests.support.queues import queues_of
from tests.support.slowness import patience_s
from tests.support.workers import dead_letter_of, result_of, run_burst, settings_for_tests

MAIL = Queue("mail", timeout="20s", retry=Fixed(2, 1), max_tries=30, keep_result="forever")


@job(name="sent.plain")
async def plain() -> str:
    return "done"


@job(name="sent.own", timeout="10s", retry=Fixed(1, 1), max_tries=10, keep_result="10s")
async def own() -> None: ...


@job(name="sent.fails", retry=0)
async def fails() -> None:
    raise ValueError("again")


def served(*queues: Queue) -> Any:
    """Queues as settings take them."""
    return queues


def checked(declared: Job[..., Any], options: RunOptions, queue: Queue = MAIL, codec: Any = MSGPACK) -> RegisteredJob:
    """How a claimed job is run."""
    payload = write_payload(codec, declared.name, (), {}, 1, options=options.to_plain() or None)
    given: dict[str, Any] = {"timeout_s": 40, "retry": 4, "max_tries": 40, "keep_result_s": 40}
    settings = WorkerSettings(queues=served(queue), codecs=Codecs(allow_pickle=True), **given)
    precheck = Precheck(register([declared], settings), settings, queues_of())
    lease = lease_of("id", payload=payload)
    lease.queue = settings.queues[0]
    run = precheck.check(lease)
    assert isinstance(run, ActiveRun)
    return run.job


SENT = RunOptions(5.0, 5.0, 6, Fixed(0, 1))


@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=["msgpack", "pickle"])
@pytest.mark.parametrize(
    ("declared", "queue", "sent", "timeout_s", "keep_ms", "retries", "max_tries"),
    [
        (plain, Queue("other"), RunOptions(), 40, 40_000, 4, 40),
        (plain, MAIL, RunOptions(), 20, 0, 2, 30),
        (own, MAIL, RunOptions(), 10, 10_000, 1, 10),
        (own, MAIL, SENT, 5, 5_000, 0, 6),
        (plain, MAIL, SENT, 5, 5_000, 0, 6),
        (own, MAIL, RunOptions(timeout_s=0.0), None, 10_000, 1, 10),
        (own, MAIL, RunOptions(keep_result_s=math.inf), 10, 0, 1, 10),
        (plain, Queue("half", timeout=7), RunOptions(max_tries=2), 7, 40_000, 4, 2),
    ],
)
def test_what_is_nearest_counts_each_option_for_itself(
    declared: Job[..., Any],
    queue: Queue,
    sent: RunOptions,
    timeout_s: float | None,
    keep_ms: int,
    retries: int,
    max_tries: int,
    codec: Any,
) -> None:
    found = checked(declared, sent, queue, codec)
    assert (found.timeout_s, found.limit_s, found.keep_ms) == (timeout_s, timeout_s, keep_ms)
    assert (found.policy.retry.retries, found.policy.limit) == (retries, max_tries)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "retry", [Exponential(3, base="2s", jitter=False), Linear(2, "1m"), Fixed(1, 5), Delays([1, 2])]
)
@pytest.mark.parametrize("codec", [MSGPACK, PICKLE], ids=["msgpack", "pickle"])
def test_every_value_of_retry_arrives_as_it_was(retry: Any, codec: Any) -> None:
    assert checked(plain, RunOptions(retry=retry), codec=codec).policy.retry == retry


def test_a_payload_without_options_is_as_it_was_and_with_them_it_still_shows_its_head() -> None:
    assert "o" not in MSGPACK.loads(write_payload(MSGPACK, "f", (), {}, 1 << 40))
    for codec, form in ((MSGPACK, "msgpack"), (PICKLE, "pickle")):
        payload = write_payload(codec, "f", ("x" * 9000,), {}, 1 << 40, options=SENT.to_plain(), nonce="0" * 16)
        head = read_head(payload[:200], payload[-200:])
        assert (head.name, head.enqueue_ms, head.format) == ("f", 1 << 40, form)
        assert Payload.read(payload, Codecs(allow_pickle=True)).options == SENT.to_plain()


@pytest.mark.parametrize(
    "options",
    [{"timeout": "soon"}, {"retry": ["sometimes", 3]}, {"max_tries": 0}, {"keep_result": -1}, {"retry": 7}],
    ids=repr,
)
def test_options_that_cannot_be_read_make_the_job_dead_with_the_reason(options: dict[str, Any]) -> None:
    settings = settings_for_tests()
    precheck = Precheck(register([plain], settings), settings, queues_of())
    payload = write_payload(MSGPACK, plain.name, (), {}, 1, options=options)
    rejected = precheck.check(lease_of("id", payload=payload))
    assert isinstance(rejected, Rejected)
    assert next(iter(options)) in str(rejected.error)


def test_what_this_version_does_not_know_is_passed_over() -> None:
    assert RunOptions.from_plain({"timeout": 3, "priority": 5}) == RunOptions(timeout_s=3.0)


def test_options_of_several_calls_add_up() -> None:
    twice = plain.options(timeout=5, max_tries=2).options(timeout="6s", keep_result="forever")
    assert twice._enqueue_options.run == RunOptions(6.0, math.inf, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"retry": lambda error, job_try: 1}, "retry is a function, which cannot be sent with a job: pass it to @job"),
        ({"retry": "3"}, "retry is '3': give a number"),
        ({"timeout": -1}, "timeout is -1"),
        ({"keep_result": "ever"}, "keep_result is 'ever'"),
        ({"max_tries": 0}, "max_tries is 0"),
    ],
)
@pytest.mark.parametrize("target", [plain, named("elsewhere")], ids=["declared", "named"])
def test_wrong_options_are_refused_at_once(target: Job[..., Any], options: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        target.options(**options)


def test_a_queue_checks_its_options_and_reads_them_as_seconds() -> None:
    assert (MAIL.timeout, MAIL.keep_result, MAIL.retry) == (20.0, math.inf, Fixed(2, 1.0))
    assert Queue("mail", timeout="20s") == Queue("mail", timeout=20)
    with pytest.raises(SettingsError, match="timeout is 'long'"):
        Queue("mail", timeout="long")


def test_two_declarations_of_a_queue_that_differ_are_refused() -> None:
    with pytest.raises(SettingsError, match="declare its options once"):
        WorkerSettings(queues=served(Queue("mail", timeout=1), Queue("mail", timeout=2)))


async def test_the_size_of_the_options_counts(redis_url: str) -> None:
    async with Producer(redis_url, queue=current_queue().name, max_payload=100) as producer:
        with pytest.raises(PayloadTooLargeError, match="the limit is 100"):
            await producer.enqueue(plain.options(retry=Delays([1] * 100)))


@ON_BOTH
async def test_a_worker_obeys_what_the_enqueue_says(redis: Redis, redis_url: str) -> None:
    queue = Queue(current_queue().name, format=current_queue().format)
    async with Producer(redis_url, queue=queue) as producer:
        await producer.enqueue(fails.options(job_id="often", retry=Fixed(3, 0)))
        await producer.enqueue(fails.options(job_id="once"))
        await producer.enqueue(fails.options(job_id="cut", retry=Fixed(9, 0), max_tries=2))
        await producer.enqueue_many(plain.options(keep_result=0), [(), ()])
        await producer.enqueue(named(plain.name).options(job_id="named", keep_result="forever"))
        worker = await run_burst(redis_url, [plain, fails])
    assert [(await dead_letter_of(redis, job_id))["tries"] for job_id in ("often", "once", "cut")] == [4, 1, 2]
    assert (await result_of(redis, "named")).value == "done"
    assert (worker.counters.succeeded, worker.counters.retried) == (3, 4)


async def test_a_job_runs_what_waits_under_its_old_name(redis: Redis, redis_url: str) -> None:
    @job(name="sent.new_name", renamed_from="sent.old_name")
    async def renamed() -> str:
        return "found"

    queue = Queue(current_queue().name, format=current_queue().format)
    async with Producer(redis_url, queue=queue) as producer:
        handle = await producer.enqueue("sent.old_name")
        await run_burst(redis_url, [renamed])
        assert await handle.result(timeout=patience_s(10)) == "found"
