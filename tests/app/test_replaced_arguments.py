"""Arguments that middleware replaces: they must fit the job, in each lane and in `run_inline`."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import App, ArgumentsError, Context, Run, RunNext
from monarq.shared.jobs.job import Job
from monarq.testing import run_inline
from tests.app.conftest import RunApp
from tests.support.workers import put, result_of

REPLACEMENTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "many": (("one", "two"), {}),
    "missing": ((), {}),
    "other name": (("one",), {"wrd": "two"}),
    "context": (("one",), {"ctx": "mine"}),
    "good": ((), {"word": "one"}),
}


async def replaces(run: Run, call_next: RunNext) -> object:
    args, kwargs = REPLACEMENTS[run.args[0]]
    return await call_next(run.replace(args=args, kwargs=kwargs))


app = App("replaces", middleware=[replaces])


@app.job
async def echo_replaced(ctx: Context, word: str) -> str:
    return word


@app.job(lane="thread")
def echo_replaced_in_thread(word: str) -> str:
    return word


@app.job
def echo_replaced_in_child(word: str) -> str:
    return word


JOBS = pytest.mark.parametrize(
    "job", [echo_replaced, echo_replaced_in_thread, echo_replaced_in_child], ids=["io", "thread", "cpu"]
)
PROBLEMS = {
    "many": "too many positional arguments",
    "missing": "missing a required argument: 'word'",
    "other name": "got an unexpected keyword argument 'wrd'",
}


@JOBS
async def test_a_job_is_not_called_with_other_arguments_than_it_takes(
    redis: Redis, run_app: RunApp, job: Job[..., Any]
) -> None:
    for word in (*PROBLEMS, "good"):
        await put(redis, job, word, job_id=word)
    await run_app(app)
    for word, problem in PROBLEMS.items():
        _check_error((await result_of(redis, word)).value, job, problem)
    assert (await result_of(redis, "good")).value == "one"


@JOBS
async def test_run_inline_refuses_them_as_a_worker_does(job: Job[..., Any]) -> None:
    for word, problem in PROBLEMS.items():
        with pytest.raises(ArgumentsError) as caught:
            await run_inline(job, word)
        _check_error(caught.value, job, problem)
    assert await run_inline(job, "good") == "one"


async def test_middleware_does_not_pass_what_the_worker_passes(redis: Redis, run_app: RunApp) -> None:
    await put(redis, echo_replaced, "context", job_id="one")
    await run_app(app)
    _check_error((await result_of(redis, "one")).value, echo_replaced, "'ctx' is passed by the worker")


def _check_error(error: object, job: Job[..., Any], problem: str) -> None:
    assert isinstance(error, ArgumentsError)
    text = str(error)
    assert text.startswith(f"{job.name}(word: str) -> str: ")
    assert problem in text
    assert "middleware" in text


async def calls_again(run: Run, call_next: RunNext) -> object:
    return f"{await call_next(run.replace(args=('other',)))}, {await call_next(run)}"


again = App("again", middleware=[calls_again])


@again.job
async def echo_again(word: str) -> str:
    return word


async def test_a_later_call_has_its_own_arguments(redis: Redis, run_app: RunApp) -> None:
    await put(redis, echo_again, "own", job_id="one")
    await run_app(again)
    assert (await result_of(redis, "one")).value == "other, own"
    assert await run_inline(echo_again, "own") == "other, own"
