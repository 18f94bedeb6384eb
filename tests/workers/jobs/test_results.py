"""What is stored of jobs that have ended: results, and the dead letters of those that failed."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from monarq.shared.errors import JobDeadError
from monarq.shared.formats.choice.sessions import open_sessions
from monarq.shared.jobs.decorators import job
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import Payload
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.jobs.results import UNKNOWN_NAME, ResultBuilder, read_name_and_time
from tests.support.formats import OF_ARQ
from tests.support.leases import lease_of
from tests.support.queues import BOTH_FORMATS, queues_of, terms_of
from tests.support.workers import CODECS, settings_for_tests
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.runs import ENQUEUED_MS, make_lease, make_run

pytestmark = OF_ARQ

WORKER = "host:1:builds"
TIMES = {"start_ms": ENQUEUED_MS + 10, "finish_ms": ENQUEUED_MS + 35}


@job(name="results.kept", keep_result=7)
async def kept() -> int: ...


@job(name="results.kept_for_ever", keep_result="forever")
async def kept_for_ever() -> int: ...


SETTINGS = settings_for_tests(codecs=CODECS, keep_result_s=60)
BUILDER = ResultBuilder(WORKER, SETTINGS, queues_of())


def read(data: bytes) -> Result:
    return Result.read(data, CODECS)


@pytest.mark.parametrize(
    ("declared", "keep_ms"),
    [(jobs.plus, 60_000), (kept, 7000), (kept_for_ever, 0), (jobs.forgotten, -1)],
    ids=["by the settings", "by its own time", "for ever", "not at all"],
)
def test_a_result_is_kept_as_long_as_declared(declared: Any, keep_ms: int) -> None:
    ending, problem = BUILDER.of_value(make_run(declared, settings=SETTINGS, **TIMES), 3)
    assert (ending.success, ending.keep_ms, ending.dead_letter, problem) == (True, keep_ms, b"", None)
    if keep_ms < 0:
        assert ending.result == b""
    else:
        result = read(ending.result)
        assert (result.value, result.name, result.job_try) == (3, declared.name, 1)
        assert (result.enqueue_ms, result.start_ms, result.finish_ms) == (ENQUEUED_MS, *TIMES.values())


@pytest.mark.parametrize("queue", BOTH_FORMATS, ids=lambda queue: queue.format)
@pytest.mark.parametrize("ended", ["returned", "raised", "never started"])
async def test_a_native_result_says_neither_id_nor_queue_nor_arguments(queue: QueueRef, ended: str) -> None:
    (session,) = open_sessions([queue], terms_of(), lambda _: [], lambda _: None)
    builder = ResultBuilder(WORKER, SETTINGS, {queue: session.queues[0]})
    run = make_run(jobs.plus, lease=make_lease("plus", 1, 2, queue=queue), **TIMES)
    if ended == "returned":
        ending, _ = builder.of_value(run, 3)
    elif ended == "raised":
        ending = builder.of_error(run, ValueError("broken"))
    else:
        ending = builder.of_rejection(run.lease, run.payload, JobDeadError("no"), ENQUEUED_MS, dead=True)
    stored = set(MSGPACK.loads(ending.result))
    assert stored == {"t", "f", "et", "s", "r", "st", "ft", *(("a", "k", "q", "id") if queue.format == "arq" else ())}


def test_a_value_that_is_not_what_was_annotated_is_a_failure_with_a_dead_letter() -> None:
    ending, problem = BUILDER.of_value(make_run(jobs.plus, **TIMES), object())
    assert problem is not None
    assert not ending.success
    assert msgspec.json.decode(ending.dead_letter)["error"] == f"monarq.ResultTypeError: {problem}"


@pytest.mark.parametrize("dead", [True, False], ids=["failed", "cancelled"])
def test_an_error_leaves_a_dead_letter_unless_the_job_was_cancelled(dead: bool) -> None:
    run = make_run(jobs.plus, 1, 2, job_try=2, **TIMES)
    ending = BUILDER.of_error(run, ValueError("broken"), dead=dead)
    assert (ending.success, ending.cancelled, ending.run_ms) == (False, not dead, 25)
    assert str(read(ending.result).value) == "broken"
    letter = msgspec.json.decode(ending.dead_letter) if ending.dead_letter else {}
    told = {"error": "ValueError: broken", "error_type": "ValueError", "tries": 2, "worker": WORKER}
    assert {name: letter.get(name) for name in told} == (told if dead else dict.fromkeys(told))


def test_a_rejected_job_has_the_tries_that_it_had_before() -> None:
    lease = make_lease("plus", 1, 2, tries=5)
    assert isinstance(lease.payload, bytes)
    payload = Payload.read(lease.payload, CODECS)
    ending = BUILDER.of_rejection(lease, payload, JobDeadError("too many"), ENQUEUED_MS + 50, dead=True)
    assert (ending.success, ending.cancelled, ending.keep_ms, ending.name) == (False, False, 60_000, "plus")
    assert msgspec.json.decode(ending.dead_letter)["tries"] == 5
    result = read(ending.result)
    assert (result.start_ms, result.finish_ms) == (ENQUEUED_MS + 50, ENQUEUED_MS + 50)


@pytest.mark.parametrize(
    ("payload", "name_and_time"),
    [
        (make_lease("plus", 1, 2).payload, ("plus", ENQUEUED_MS)),
        (pickle.dumps({"t": 1, "f": "plus", "a": ("x" * 5000,), "k": {}, "et": ENQUEUED_MS}), ("plus", ENQUEUED_MS)),
        (b"", (UNKNOWN_NAME, 0)),
        (None, (UNKNOWN_NAME, 0)),
        (5000, (UNKNOWN_NAME, 0)),
    ],
    ids=["msgpack", "a long pickle", "nothing", "gone", "too large"],
)
def test_name_and_time_are_read_without_decoding(payload: bytes | int | None, name_and_time: tuple[str, int]) -> None:
    assert read_name_and_time(replace(lease_of("a"), payload=payload), None) == name_and_time
