"""Tracebacks of jobs show the user's frames, and no more of anything than a person reads."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import JobFailedError, SettingsError
from monarq.shared.parsing import to_seconds
from monarq.shared.text.loggers import get_logger
from monarq.shared.text.traceback_text import traceback_text
from monarq.workers.reporting.worker_log import WorkerLog
from tests.errors import jobs
from tests.support.workers import Dispatcher, dead_letter_of, put, result_of, run_burst

HERE = "/tests/"
FRAME = "  File "


def frames_of(trace: str) -> list[str]:
    return [line for line in trace.splitlines() if line.startswith(FRAME)]


@pytest.mark.parametrize("lane", ["io", "thread", "cpu"])
@pytest.mark.parametrize("name", ["formatted", "locked"])
async def test_a_jobs_traceback_has_the_users_frames_alone(
    redis: Redis, redis_url: str, lane: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    await put(redis, jobs.RAISE[lane], name, job_id="a")
    await run_burst(redis_url, jobs.ALL, Dispatcher(WorkerLog()))
    value = (await result_of(redis, "a")).value
    remote = value if isinstance(value, JobFailedError) else value.__cause__
    logged = "\n".join(record.exc_text or "" for record in caplog.records)
    for trace in (remote.traceback, (await dead_letter_of(redis, "a"))["traceback"], logged):
        frames = frames_of(trace)
        assert frames, trace
        assert all(HERE in frame for frame in frames), trace
        assert "in raise_by_name" in frames[-1]


@pytest.mark.parametrize("lane", ["io", "thread", "cpu"])
async def test_a_call_that_cannot_be_made_is_reported_without_monarqs_frames(
    redis: Redis, redis_url: str, lane: str
) -> None:
    await put(redis, jobs.RAISE[lane], "one", "too many", job_id="a")
    await run_burst(redis_url, jobs.ALL)
    letter = await dead_letter_of(redis, "a")
    assert "too many positional arguments" in letter["error"]
    assert not frames_of(letter["traceback"])


def raised(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_refusal_of_monarqs_ends_where_the_user_called() -> None:
    error = raised(lambda: to_seconds(-1, "timeout"))
    assert isinstance(error, SettingsError)
    assert all(HERE in frame for frame in frames_of(traceback_text(error)))


def test_a_fault_of_monarqs_shows_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monarq.shared.parsing.timedelta", None)
    assert "/parsing.py" in frames_of(traceback_text(raised(lambda: to_seconds(-1, "timeout"))))[-1]


def chain() -> BaseException:
    error = ValueError("the first")
    for number in range(50_000):
        following = ValueError(str(number))
        following.__context__ = error
        error = following
    return error


def nest() -> BaseException:
    group: Exception = ValueError("inside")
    for _ in range(50):
        group = ExceptionGroup("g", [group, group])
    return group


def recurse() -> None:
    recurse()


LARGE: dict[str, Callable[[], BaseException]] = {
    "a long chain": chain,
    "groups of groups": nest,
    "a deep stack": lambda: raised(recurse),
    "many notes": lambda: noted(100_000),
    "a long name": lambda: type("X" * 1_000_000, (Exception,), {})("x"),
    "a long message": lambda: ValueError("y" * jobs.HUGE),
}


def noted(count: int) -> BaseException:
    error = ValueError("x")
    for number in range(count):
        error.add_note(str(number))
    return error


@pytest.mark.parametrize("name", LARGE)
def test_a_traceback_has_a_bound(name: str) -> None:
    error = raised(lambda: throw(LARGE[name]()))
    text = traceback_text(error)
    assert "left out]" in text
    assert len(text) < 21_000
    assert "in throw" in text or name == "a deep stack"


def throw(error: BaseException) -> None:
    raise error


FORGED = "boom\n12:00:00 ERROR   forged \x1b[31m\x07\r\x9b\u202e\u2028 [red]"
OBEYED = ("\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2028")


def test_neither_names_nor_errors_forge_lines_of_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    logger = get_logger("monarq.test")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        error = raised(lambda: throw(ValueError(FORGED)))
        error.add_note(FORGED)
        logger.error("%s failed: %s", FORGED, error, exc_info=error)
    finally:
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert not any(sign in said for sign in OBEYED)
    assert sum(line.startswith("12:00:00") for line in said.splitlines()) == 0
    first = said.splitlines()[0]
    assert first.count(r"boom\n12:00:00 ERROR   forged \x1b[31m\x07\r\x9b\u202e\u2028 [red]") == 2
