"""Jobs of decorated functions, partials, objects and methods run, and get their context where they declare it."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.decorators import job
from tests.support.workers import make_worker, put, result_of, run_burst
from tests.workers.lanes import odd_jobs as jobs

RETURNED: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = [
    (jobs.load, (5,), {}, ["session", 5]),
    (jobs.load_with_context, (5,), {}, ["session", "#", 5]),
    (jobs.greet, ("Ada",), {}, "# Ada"),
    (jobs.greet, (), {"name": "Ada"}, "# Ada"),
    (jobs.look_up, ("ab",), {}, "abab"),
    (jobs.look_up, ("ab",), {}, "abab"),
    (jobs.add_five, (2,), {}, 7),
    (jobs.triple, (2,), {}, 6),
    (jobs.quadruple, (2,), {}, [8, "#"]),
    (jobs.quintuple, (2,), {}, 10),
    (jobs.root, (9,), {}, 3.0),
    (jobs.nap, (0,), {}, None),
    (jobs.below, ("word",), {}, "word"),
    (jobs.above, ("word",), {}, "word"),
    (jobs.last, ("word",), {}, ["word", "#"]),
    (jobs.last, (), {"word": "word"}, ["word", "#"]),
    (jobs.between, ("word", "a", "b"), {}, ["word", "#", "a", "b"]),
    (jobs.by_keyword, ("word",), {}, ["word", "#"]),
    (jobs.by_position, ("word",), {}, ["word", "more", "#"]),
    (jobs.by_position, ("word", "less"), {}, ["word", "less", "#"]),
    (jobs.in_thread, ("word",), {}, ["word", "#"]),
    (jobs.in_child, ("word",), {}, ["word", "#"]),
    (jobs.child_partial, (2,), {}, 7),
    (jobs.child_object, (2,), {}, 6),
    (jobs.child_method, (2,), {}, 10),
    (jobs.child_root, (9,), {}, 3.0),
    (jobs.child_last, ("word",), {}, ["word", "#"]),
    (jobs.child_told, (1, 2), {}, 3),
    (
        jobs.pay,
        (Decimal("1.10"), Decimal("2.20")),
        {"fee": Decimal("3.30")},
        ["Decimal('1.10')", "Decimal('2.20')", "Decimal('3.30')"],
    ),
    (jobs.pay_in_session, (Decimal("1.10"),), {}, "Decimal('1.10')"),
]


async def test_they_run(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url) as producer:
        for number, (job, args, kwargs, _) in enumerate(RETURNED):
            await producer.enqueue(job.options(job_id=str(number)), *args, **kwargs)
    await run_burst(redis_url, jobs.ALL)
    for number, (job, _, _, expected) in enumerate(RETURNED):
        told = await result_of(redis, str(number))
        assert (job.name, _unnamed(told.value, str(number))) == (job.name, expected)


def _unnamed(value: Any, job_id: str) -> Any:
    if isinstance(value, list):
        return ["#" if part == job_id else part for part in value]
    return value.replace(f"{job_id} ", "# ") if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (jobs.forgets_to_await, r"forgets_to_await returned a coroutine.*async def"),
        (jobs.forgets_to_iterate, r"forgets_to_iterate returned a generator.*return list"),
    ],
    ids=["coroutine", "generator"],
)
async def test_an_unfinished_value_is_no_result(redis: Redis, redis_url: str, job: Any, words: str) -> None:
    await put(redis, job, job_id="undone")
    await run_burst(redis_url, jobs.ALL)
    result = await result_of(redis, "undone")
    with pytest.raises(TypeError, match=words):
        raise result.value


# -- the CPU lane runs the function that was declared, as the other lanes do, or the worker does not start


IN_A_SCRIPT = """
from monarq.shared.jobs.decorators import job
from monarq.shared.errors import DeclarationError
from tests.support.workers import make_worker

@job
def resize() -> None: ...

try:
    make_worker("redis://localhost", [resize])
except DeclarationError as error:
    print(error)
"""


@pytest.mark.parametrize("number", range(len(jobs.DECLARED)), ids=[each.name for each in jobs.DECLARED])
async def test_the_function_that_was_declared_is_run(redis: Redis, redis_url: str, number: int) -> None:
    declared = jobs.DECLARED[number]
    await put(redis, declared, 7, job_id="one")
    await run_burst(redis_url, jobs.DECLARED)
    expected = declared.function(7)
    assert (await result_of(redis, "one")).value == (list(expected) if isinstance(expected, tuple) else expected)


def test_a_job_that_is_not_the_one_of_its_name_is_refused() -> None:
    first = job(name="audited-twice")(jobs.audited(jobs.resize))
    job(name="audited-twice")(jobs.audited(jobs.resize))
    with pytest.raises(DeclarationError, match="cannot find the job 'audited-twice'"):
        make_worker("redis://localhost", [first])


def test_a_job_of_the_script_that_is_run_is_refused() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_SCRIPT], cwd=Path(__file__).parents[3], capture_output=True, check=False
    )
    assert b"cannot find the job 'resize'" in ran.stdout
    assert b"top level of an importable module" in ran.stdout
