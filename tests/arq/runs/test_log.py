"""arq's log lines, word for word, because people search and alert by them."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from collections import deque
from typing import Any

import arq
import pytest
from arq.utils import args_to_string

from monarq.arq.runs.log import shown_arguments
from monarq.shared.formats.arq import keys as names
from tests.arq.jobs import Ctx
from tests.arq.workers import FUNCTIONS, burst, ours, running, theirs, until
from tests.support.slowness import patience_s

KEY = "arq:queue:health-check"


@pytest.fixture(autouse=True)
def at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged, with all times alike."""
    told = [record.getMessage() for record in caplog.records if record.name.startswith("arq")]
    return [re.sub(r" *\d+\.\d\ds", " X.XXs", line) for line in told]


class ExtraError(RuntimeError):
    def extra(self) -> dict[str, str]:
        return {"x": "y"}


async def raise_extra(ctx: Ctx) -> None:
    raise ExtraError("with extra")


async def long_words(ctx: Ctx) -> str:
    return "word " * 50


async def test_the_lines_are_those_that_arqs_own_worker_writes(
    stock: arq.ArqRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """The same jobs on both kinds of workers."""

    async def enqueue() -> None:
        await stock.flushall()
        await stock.enqueue_job("add", 1, b=2, _job_id="a")
        await stock.enqueue_job("again", 2, _job_id="b", _defer_by=0.01)
        await stock.enqueue_job("fail", "why not", _job_id="c", _defer_by=0.02)
        await stock.enqueue_job("missing", _job_id="d", _defer_by=0.03)
        await stock.enqueue_job("again", 9, _job_id="e", _defer_by=0.04)
        await stock.enqueue_job("long_words", _job_id="f", _defer_by=0.05)
        await stock.enqueue_job("add", "x" * 500, None, _job_id="g", _defer_by=0.06)
        await stock.enqueue_job("add", 1, 2, _job_id="h", _defer_by=0.07)
        await stock.delete(names.job("h"))
        await stock.enqueue_job("add", 1, 2, _job_id="i", _defer_by=-5)
        await stock.enqueue_job("raise_extra", _job_id="j", _defer_by=0.08)
        await stock.enqueue_job("add", 1, 2, _job_id="k", _defer_by=0.09)
        await stock.set(names.job("k"), b"\x80broken")

    functions = [*FUNCTIONS, long_words, raise_extra]

    def told() -> dict[str, list[str]]:
        """By job, as jobs run at the same time."""
        found = {
            job_id: [line for line in lines(caplog) if re.search(rf"\b{job_id}\b", line)] for job_id in "abcdefghijk"
        }
        return {job_id: [re.sub("delayed=.*", "delayed", line) for line in of_job] for job_id, of_job in found.items()}

    await enqueue()
    await theirs(stock, functions, burst=True).main()
    expected, expected_first = told(), [line for line in lines(caplog) if "Starting" in line or "redis_version" in line]
    assert all(expected.values()), expected
    extra = next(record for record in caplog.records if "ExtraError" in record.getMessage())
    assert extra.extra == {"x": "y"}  # type: ignore[attr-defined]
    caplog.clear()
    await enqueue()
    await burst(stock, functions)
    assert told() == expected
    first = [line for line in lines(caplog) if "Starting" in line or "redis_version" in line]
    assert first[0] == expected_first[0]
    assert re.fullmatch(r"redis_version=\S+ mem_usage=\S+ clients_connected=\d+ db_keys=\d+", first[1])
    extra = next(record for record in caplog.records if "ExtraError" in record.getMessage())
    assert extra.extra == {"x": "y"}  # type: ignore[attr-defined]
    assert extra.exc_info
    assert extra.levelno == logging.ERROR


async def test_results_are_left_out_of_the_lines_if_asked(pool: arq.ArqRedis, caplog: pytest.LogCaptureFixture) -> None:
    await pool.enqueue_job("add", 20, 22, _job_id="a")
    await burst(pool, log_results=False)
    assert lines(caplog)[-2:] == [" X.XXs → a:add(20, 22)", " X.XXs ← a:add ● "]


async def test_cron_jobs_go_by_their_name(pool: arq.ArqRedis, caplog: pytest.LogCaptureFixture) -> None:
    async def tick(ctx: Ctx) -> int:
        return 42

    await burst(pool, [], cron_jobs=[arq.cron(tick, name="tick", month=1, day=1, run_at_startup=True)])
    assert lines(caplog)[-2:] == [" X.XXs → tick()", " X.XXs ← tick ● 42"]


async def test_aborts(pool: arq.ArqRedis, caplog: pytest.LogCaptureFixture) -> None:
    await pool.enqueue_job("sleep", 60, _job_id="runs")
    before = await pool.enqueue_job("sleep", 60, _job_id="waits", _defer_by=60)
    assert before is not None
    async with running(ours(pool, allow_abort_jobs=True)):
        await until(lambda: pool.exists(names.in_progress("runs")))
        assert await before.abort(timeout=patience_s(5))
        assert await arq.jobs.Job("runs", pool).abort(timeout=patience_s(5))
    assert " X.XXs ⊘ runs:sleep aborted" in lines(caplog)
    assert " X.XXs ⊘ waits:sleep aborted before start" in lines(caplog)


async def test_a_shutdown_at_once(pool: arq.ArqRedis, caplog: pytest.LogCaptureFixture) -> None:
    await pool.enqueue_job("sleep", 60, _job_id="a")
    worker = ours(pool)
    async with running(worker):
        await until(lambda: asyncio.sleep(0, len(worker.tasks) == 1))
        worker.handle_sig(signal.SIGINT)
    assert lines(caplog)[-2:] == [
        "shutdown on SIGINT ◆ 0 jobs complete ◆ 0 failed ◆ 0 retries ◆ 1 ongoing to cancel",
        " X.XXs ↻ a:sleep cancelled, will be run again",
    ]


async def test_a_shutdown_that_waits(pool: arq.ArqRedis, caplog: pytest.LogCaptureFixture) -> None:
    await pool.enqueue_job("sleep", 0.1, _job_id="a")
    await pool.enqueue_job("sleep", 60, _job_id="b")
    worker = ours(pool, job_completion_wait=0.5)
    async with running(worker):
        await until(lambda: asyncio.sleep(0, len(worker.tasks) == 2))
        worker.handle_sig_wait_for_completion(signal.SIGTERM)
        await until(lambda: asyncio.sleep(0, not worker.tasks))
    told = lines(caplog)
    start = told.index("Setting allow_pick_jobs to `False`")
    assert told[start + 1 :] == [
        "shutdown on SIGTERM ◆ 0 jobs complete ◆ 0 failed ◆ 0 retries ◆ 2 to be completed",
        " X.XXs ← a:sleep ● ",
        "shutdown on SIGTERM, wait complete ◆ 1 jobs complete ◆ 0 failed ◆ 0 retries ◆ 1 ongoing to cancel",
        " X.XXs ↻ b:sleep cancelled, will be run again",
    ]


@pytest.mark.parametrize(
    "args",
    [
        (),
        (1, None, "two", b"three", 4.0),
        ({"b": 1, "a": [2, {3}]}, (4,), frozenset()),
        ("x" * 500, "y"),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}},),
        (set(), deque([1, 2])),
        tuple(range(500)),
        ([["deep"] * 50] * 50,),
        (b"\x00" * 500,),
    ],
)
def test_arguments_are_shown_as_arq_shows_them(args: tuple[Any, ...]) -> None:
    assert shown_arguments(args, {"z": 1, "a": args}) == args_to_string(args, {"z": 1, "a": args})


class Broken:
    def __repr__(self) -> str:
        raise ValueError("no repr")


def test_showing_arguments_costs_no_more_than_a_line_and_breaks_nothing() -> None:
    assert "Broken" in shown_arguments((Broken(), 10**5000), {})
    huge = ["x" * 1000] * 1_000_000
    loop = asyncio.new_event_loop()
    start = loop.time()
    for _ in range(100):
        shown_arguments((huge, b"x" * 10_000_000), {"also": huge})
    assert loop.time() - start < 20  # the full text of one would take longer
    loop.close()


async def test_a_result_whose_repr_raises_is_a_success(pool: arq.ArqRedis) -> None:
    async def give(ctx: Ctx) -> Broken:
        return Broken()

    await pool.enqueue_job("give")
    assert (await burst(pool, [arq.func(give, name="give")])).jobs_complete == 1
