"""The handle of a worker process, with processes that only say what the test wants."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

import pytest

from monarq.shared.queue import to_ref
from monarq.workers.config.spec import SupervisorLimits, WorkerSpec
from monarq.workers.control.channel import to_line
from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.control.messages import Exiting, FromWorker, Importing, Ready, Recover, StartFailed
from monarq.workers.supervisor.supervisor_log import SupervisorLog
from monarq.workers.supervisor.worker_handle import WorkerHandle
from tests.support.slowness import in_time

READY: Final = Ready("w1", [to_ref("a")], 15.0, 20.0)
SCRIPT: Final = """
import socket, sys
control = socket.socket(fileno=int(sys.argv[sys.argv.index("--control-fd") + 1]))
control.recv(65536)
control.sendall({data!r})
{then}
"""


def spawn(*messages: FromWorker | bytes, then: str = "") -> tuple[WorkerHandle, list[WorkerHandle]]:
    """A process that sends these and then runs this code; and the list of those that became ready."""
    data = b"".join(message if isinstance(message, bytes) else to_line(message) for message in messages)
    command = (sys.executable, "-c", SCRIPT.format(data=data, then=then))
    ready: list[WorkerHandle] = []
    spec = WorkerSpec("app", index=2, restarts=1)
    handle = WorkerHandle.spawn(spec, command, limits=SupervisorLimits(), log=SupervisorLog(), on_ready=ready.append)
    return handle, ready


async def ended(handle: WorkerHandle) -> None:
    async with in_time(20):
        while not handle.reap():
            await asyncio.sleep(0.01)
        await handle.wait_ended()


async def test_what_it_imports_is_known_until_its_event_loop_runs_and_is_no_sign_of_life() -> None:
    place = "app.db (/app/db.py, line 3)"
    then = f"control.recv(1); control.sendall({to_line(Heartbeat(started=5))!r}); control.recv(1)"
    handle, _ = spawn(Importing(place), then=then)
    handle.silent_s = 50.0
    assert handle.importing == "app"
    async with in_time(20):
        while handle.importing == "app":
            await asyncio.sleep(0.01)
        assert handle.importing == place
        assert handle.silent_s >= 50
        handle.recover(Recover(READY, "gone"))
        while not handle.heartbeat.started:
            await asyncio.sleep(0.01)
    assert (handle.importing, handle.ready) == ("", None)
    handle.drain()
    await ended(handle)


async def test_a_worker_from_ready_to_its_exit() -> None:
    handle, ready = spawn(READY, Heartbeat(started=5), then="control.recv(1)")
    async with in_time(20):
        assert await handle.wait_ready()
        while not handle.heartbeat.started:
            await asyncio.sleep(0.01)
    assert (handle.index, handle.restarts, handle.ready, ready) == (2, 1, READY, [handle])
    assert handle.ready_bytes > 0
    assert handle.is_serving
    handle.drain()
    assert not handle.is_serving
    await ended(handle)


@pytest.mark.parametrize(
    ("message", "exit_code", "start_error", "clean_exit", "failed"),
    [
        (StartFailed("the flux is 0"), 2, "the flux is 0", None, False),
        (Exiting("drained"), 0, None, "drained", False),
        (Exiting("burst", failed=True), 1, None, "burst", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, StartFailed | Exiting) else "",
)
async def test_its_last_message_is_read_before_it_is_reaped(
    message: FromWorker, exit_code: int, start_error: str | None, clean_exit: str | None, failed: bool
) -> None:
    handle, ready = spawn(message, then=f"sys.exit({exit_code})")
    await ended(handle)
    assert not await handle.wait_ready()
    assert handle.end is not None
    assert handle.end.exit_code == exit_code
    assert (handle.start_error, handle.clean_exit, handle.failed, ready) == (start_error, clean_exit, failed, [])


QUIESCE: Final = f"""
import time
control.recv(65536)
control.sendall({to_line(Heartbeat(started=1))!r})
time.sleep(0.3)
control.sendall({to_line(Heartbeat(running=1, started=2))!r} + 2 * {to_line(Heartbeat(started=2))!r})
control.recv(1)
"""


async def test_it_is_quiet_once_two_heartbeats_in_a_row_report_no_job() -> None:
    """The first may have been on its way when the worker was told."""
    handle, _ = spawn(READY, Heartbeat(running=1), then=QUIESCE)
    async with in_time(20):
        await handle.wait_ready()
        await handle.quiesce()
    assert handle.heartbeat == Heartbeat(started=2)
    handle.drain()
    await ended(handle)


async def test_a_channel_into_which_something_else_wrote(caplog: pytest.LogCaptureFixture) -> None:
    handle, ready = spawn(b"hello\n", READY)
    await ended(handle)
    assert [line for line in caplog.messages if "its control channel broke" in line]
    assert ready == []
