"""The CPU lane's calls: what goes in, what comes out, and what is told on the way."""

from __future__ import annotations

import asyncio
import os
import pickle
import time
from typing import Any

import pytest

from monarq.shared.errors import JobError, JobFailedError, PayloadError
from monarq.workers.lanes.child_protocol import CpuCall
from monarq.workers.runs.cpu_errors import (
    CpuJobDied,
    CpuJobError,
    CpuLaneError,
    CpuMemoryExceeded,
    CpuPickleError,
    CpuStartError,
    CpuUnreachableError,
)
from tests.support.slowness import patience_s
from tests.workers.lanes.lane_driver import Driver, call_of

# -- results


def test_arguments_go_in_and_the_result_comes_out(driver: Driver) -> None:
    call = CpuCall("cpu_jobs", "add", (2,), {"right": 3}, None)
    assert driver.do(driver.lane.run(call, timeout_s=None)) == 5
    assert driver.run("Space.double", 4) == 8
    assert driver.run("declared_add", 1, 2) == 3, "a Job object stands for its function"


def test_context_is_the_first_argument(driver: Driver) -> None:
    from cpu_jobs import Ctx

    call = call_of("with_context", 5, context=Ctx("job-1"))
    assert driver.do(driver.lane.run(call, timeout_s=5)) == "job-1:5"


def test_large_values_cross_both_ways_and_leave_the_loop_free(driver: Driver) -> None:
    async def scenario() -> tuple[int, float]:
        ticks: list[float] = []
        ticker = asyncio.create_task(tick(ticks))
        blob = await driver.lane.run(call_of("blob", 50 << 20), timeout_s=20)
        ticker.cancel()
        return len(blob), max(ticks)

    size, longest_s = driver.do(scenario())
    assert size == 50 << 20
    assert longest_s < patience_s(0.5)
    value = os.urandom(10 << 20)
    assert driver.run("echo", value) == value


async def tick(gaps: list[float]) -> None:
    last_s = time.monotonic()
    while True:
        await asyncio.sleep(0)
        gaps.append(time.monotonic() - last_s)
        last_s = time.monotonic()


def test_calls_take_turns(driver: Driver) -> None:
    async def scenario() -> list[Any]:
        calls = [driver.lane.run(call_of("echo", number), timeout_s=5) for number in range(50)]
        assert not driver.lane.busy
        waiting = asyncio.gather(*calls)
        await asyncio.sleep(0)
        assert driver.lane.busy
        return await waiting

    assert driver.do(scenario()) == list(range(50))
    assert not driver.lane.busy
    assert driver.lane.restarts == 0


# -- failures


RAISED: list[tuple[str, type[Exception], tuple[Any, ...]]] = [
    ("value", ValueError, ("bad", 7)),
    ("os", FileNotFoundError, (2, "No such file")),
    ("timeout", TimeoutError, ("my own",)),
]


def test_what_the_function_raised_is_raised(driver: Driver) -> None:
    for kind, type_, args in RAISED:
        with pytest.raises(type_) as caught:
            driver.run("fail", kind)
        assert type(caught.value) is type_
        assert caught.value.args == args
        trace = str(caught.value.__cause__)
        assert "cpu_jobs.py" in trace
        assert "in fail" in trace
        assert "cpu_child/" not in trace, "the lane's own frames are left out"


def test_an_exception_keeps_its_text_though_its_class_makes_another(driver: Driver) -> None:
    from cpu_jobs import CodeError

    with pytest.raises(CodeError, match=r"^code 7$") as caught:
        driver.run("fail", "code")
    assert caught.value.code == 7


def test_an_exception_arrives_though_its_class_wants_other_arguments(driver: Driver) -> None:
    from cpu_jobs import TwoPartError

    with pytest.raises(TwoPartError, match=r"^a and b$"):
        driver.run("fail", "two")


TOLD = [
    ("locked", "cpu_jobs.LockedError", "locked"),
    ("nameless", "cpu_jobs.NamelessError", "<its str() raised ZeroDivisionError>"),
    ("exit", "SystemExit", "3"),
    ("interrupt", "KeyboardInterrupt", ""),
    ("cancelled", "asyncio.exceptions.CancelledError", "by itself"),
    ("stop", "StopIteration", "5"),
]


def test_what_cannot_be_raised_here_arrives_as_a_stand_in(driver: Driver) -> None:
    for kind, type_name, message in TOLD:
        with pytest.raises(CpuJobError) as caught:
            driver.run("fail", kind)
        assert (caught.value.type_name, caught.value.message) == (type_name, message)
        assert "in fail" in caught.value.traceback
    assert driver.lane.restarts == 0, "the child lives on"


def test_a_function_that_is_not_there(driver: Driver) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        driver.do(driver.lane.run(CpuCall("no_such_module", "f", (), {}, None), timeout_s=5))
    with pytest.raises(AttributeError, match="no_such_function"):
        driver.run("no_such_function")
    with pytest.raises(TypeError, match="not_callable is not callable"):
        driver.run("not_callable")
    with pytest.raises(TypeError, match="coroutine returned a coroutine, which is never awaited"):
        driver.run("coroutine")
    with pytest.raises(RecursionError):
        driver.run("recurse")


@pytest.mark.parametrize(("module", "name"), [("__main__", "f"), ("m", "<lambda>"), ("m", "f.<locals>.g")])
def test_a_function_out_of_reach_is_refused_before_it_is_sent(driver: Driver, module: str, name: str) -> None:
    with pytest.raises(CpuUnreachableError, match="top level of a module"):
        driver.do(driver.lane.run(CpuCall(module, name, (), {}, None), timeout_s=5))
    assert driver.lane.pid is None


def test_what_does_not_pickle_is_named_and_the_child_lives_on(driver: Driver) -> None:
    from cpu_jobs import Unloadable

    pid = driver.run("pid")
    for what, value in (("arguments", lambda: None), ("arguments", Unloadable())):
        with pytest.raises(CpuPickleError, match=f"the {what} of echo cannot be pickled .*: pass plain data"):
            driver.run("echo", value)
    for name in ("unpicklable", "unloadable"):
        with pytest.raises(CpuPickleError, match=f"the result of {name} cannot be pickled"):
            driver.run(name)
    assert driver.run("pid") == pid


@pytest.mark.parametrize(
    "error",
    [
        CpuJobDied("f", 3, None, 1 << 20),
        CpuJobDied("f", None, "SIGSEGV", None, None),
        CpuMemoryExceeded("f", 1, 2, 3),
        CpuPickleError("f", "result", "why"),
        CpuJobError("m.E", "text", "trace"),
        CpuUnreachableError("m", "f"),
        CpuStartError("why"),
    ],
)
def test_errors_can_be_stored_in_a_result(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
    assert isinstance(error, JobError)
    assert isinstance(error, {CpuPickleError: PayloadError, CpuJobError: JobFailedError}.get(type(error), CpuLaneError))


# -- messages


def test_messages_arrive_in_order_before_the_result(driver: Driver) -> None:
    seen: list[Any] = []
    assert driver.do(driver.lane.run(call_of("report", 2000), timeout_s=5, on_message=seen.append)) == "done"
    assert seen == [{"step": step} for step in range(2000)]
    assert driver.run("report", 3) == "done", "nobody need listen"
    driver.do(driver.lane.run(call_of("report_from_thread"), timeout_s=5, on_message=seen.append))
    assert seen[-1] == "from a thread"


def test_a_message_of_an_ended_job_is_dropped(driver: Driver) -> None:
    seen: list[Any] = []

    async def scenario() -> None:
        await driver.lane.run(call_of("report_when_over"), timeout_s=5, on_message=seen.append)
        # The loop stands still, so that the message is read only when the next job is under way.
        time.sleep(0.1)
        await driver.lane.run(call_of("wait", 0.05), timeout_s=5, on_message=seen.append)

    driver.do(scenario())
    assert seen == []


def test_a_failing_listener_does_not_harm_the_job(driver: Driver) -> None:
    told: list[dict[str, Any]] = []

    async def scenario() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        return await driver.lane.run(call_of("report", 2), timeout_s=5, on_message={}.__getitem__)

    assert driver.do(scenario()) == "done"
    assert [type(context["exception"]) for context in told] == [TypeError, TypeError]


def test_messages_that_cannot_be_sent_say_so_to_the_job(driver: Driver) -> None:
    from cpu_jobs import send_message

    with pytest.raises((AttributeError, pickle.PicklingError)):
        driver.run("report_unpicklable")
    assert "only in a job of the CPU lane" in driver.run("report_from_fork")
    with pytest.raises(RuntimeError, match="only in a job of the CPU lane"):
        send_message("from the worker")
