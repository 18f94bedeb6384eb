"""The handle with which a worker starts a CPU child process, sends it calls, watches it and kills it.

CpuLane creates one, and replaces it when the child has ended. Everything here runs in callbacks of the worker's event
loop (uvloop or asyncio) and blocks it no longer than a fork or a read of 64 KB takes. Nothing waits for a killed child:
it is reaped when it has ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple, Self

from monarq.shared.text.traceback_text import RemoteTraceback
from monarq.workers.lanes.child_protocol import (
    BROKEN_SOCKET_EXIT,
    READ_BYTES,
    Failure,
    Frame,
    FrameBuffer,
    FrameKind,
    Hello,
    dump_frame,
)
from monarq.workers.lanes.started_call import StartedCall, open_shared_memory
from monarq.workers.runs.cpu_errors import CpuStartError
from monarq.workers.system.forks import FORK_GUARD
from monarq.workers.system.reaper import ExitStatus, open_pidfd, reap

START_LIMIT_S = 60.0
"""How long a child may take to be ready, including its preloading."""
RETIRE_LIMIT_S = 1.0
"""How long a retired child may take to close its resources and to run its atexit handlers."""
SILENT_LIMIT_S = 0.1
"""How long a child may take to end after its socket closed; later, a job is assumed to have closed the socket."""
CALL_START_LIMIT_S = 3.0
"""How long a child may take to start a call: a thread of an earlier job may have read the call from the socket."""
EXIT_POLL_S = 0.02
"""How often to poll for a child's end if the system has no pidfd."""

STOPPED: Final = "the CPU lane was stopped"
SOCKET_CLOSED: Final = "a job closed the socket between the CPU child and its worker"
SOCKET_MISUSED: Final = "a job wrote into the socket between the CPU child and its worker"
NOT_STARTED: Final = "it did not start the job that it was sent"

CHILD_MODULE: Final = "monarq.workers.lanes.cpu_child"

_NOTHING: Final = memoryview(b"")


class SpawnedChild(NamedTuple):
    """A process just started, and our ends of its connections."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    """Non-blocking."""
    lifeline_fd: int
    """The writing end of a pipe; when it closes, however we end, the child dies."""
    started_call: StartedCall


class ChildProcess:
    """A child process, and the one call that it runs at a time.

    Attributes:
        pid: its process id, and that of its process group.
        exit_status: how it ended; None while it lives.
        is_cut_short: whether it was killed before it had closed the resources of its lifespans.
    """

    def __init__(self, spawned: SpawnedChild) -> None:
        """Takes over a process just started and begins to watch it on the running event loop."""
        self.pid = spawned.process.pid
        self.exit_status: ExitStatus | None = None
        self.is_cut_short = False
        self._loop = asyncio.get_running_loop()
        self._process, self._connection, self._lifeline_fd, self._started_call = spawned
        self._connected = True
        self._retiring = False
        self._requests = 0
        self._reply: asyncio.Future[Frame | ExitStatus] | None = None
        self._on_message: Callable[[object], None] | None = None
        self._incoming = FrameBuffer()
        self._outgoing = _NOTHING
        self._kill_reason: str | None = None
        self._kill_timer: asyncio.TimerHandle | None = None
        self._inherited_peak_bytes = 0
        self._ended = asyncio.Event()
        self._loop.add_reader(self._connection, self._receive)
        self._pidfd = open_pidfd(self.pid)
        self._watch_exit()
        FORK_GUARD.close_in_forks(self)
        self._call_start_timer = self._loop.call_later(CALL_START_LIMIT_S, self._watch_call_start, 0)

    @classmethod
    def spawn(cls, sys_path: list[str]) -> Self:
        """Starts a child with this import path; CpuStartError if the system refuses."""
        try:
            return cls(_spawn(sys_path))
        except OSError as error:
            raise CpuStartError(str(error)) from error

    @property
    def jobs(self) -> int:
        """How many jobs were sent to it."""
        return max(self._requests - 1, 0)

    @property
    def usable(self) -> bool:
        """Whether a job may be sent, as far as is known: alive, not about to end, and no partial frame pending."""
        return self._connected and not self._retiring and not self._incoming

    @property
    def has_started_call(self) -> bool:
        """Whether it has started the call that it was sent last."""
        # A job that writes to arbitrary descriptors may have overwritten the number: then it has started.
        return self._started_call.get() != self._requests - 1

    def refresh(self) -> bool:
        """Reads what the loop has not read yet, such as the child's end; returns whether a job may be sent."""
        while self.usable and self._receive():
            pass
        return self.usable

    async def prepare(self, hello: Hello) -> None:
        """Sends a new child its settings and waits until it is ready; CpuStartError if it fails."""
        try:
            async with asyncio.timeout(START_LIMIT_S):
                reply = await self.request(self.pack(FrameKind.HELLO, hello))
        except TimeoutError:
            raise CpuStartError(f"it was not ready after {START_LIMIT_S:g} s and was killed") from None
        if isinstance(reply, ExitStatus):
            manner = reply.reason or reply.signal_name or f"exit code {reply.exit_code}; see its stderr"
            raise CpuStartError(f"it ended before it was ready ({manner})")
        answer = reply.load()
        if isinstance(answer, Failure):
            self.retire()
            why = f"{answer.type_name}: {answer.message}" if answer.message else answer.type_name
            raise CpuStartError(why) from RemoteTraceback(answer.traceback_text)
        if isinstance(answer, int):
            self._inherited_peak_bytes = answer

    def pack(self, kind: FrameKind, value: object) -> bytes:
        """The frame for the next request(); if pickling `value` raises, the error propagates and nothing changes."""
        return dump_frame(kind, self._requests + 1, value)

    async def request(self, frame: bytes, on_message: Callable[[object], None] | None = None) -> Frame | ExitStatus:
        """Sends a frame from pack(); returns the child's answer, or how it ended. If cancelled, it kills the child."""
        if self.exit_status is not None:
            return self.exit_status
        self._requests += 1
        reply: asyncio.Future[Frame | ExitStatus] = self._loop.create_future()
        self._reply = reply
        self._on_message = on_message
        self._outgoing = memoryview(frame)
        del frame  # a big one must not be held for as long as the job runs
        self._send()
        try:
            return await reply
        except asyncio.CancelledError:
            if reply.cancelled():
                self.kill()
            raise
        finally:
            self._reply = self._on_message = None

    def kill(self, reason: str | None = None) -> None:
        """Sends SIGKILL to the child and to processes of its jobs; `reason` goes into its exit status."""
        self._retiring = True
        if self.exit_status is None:
            self._kill_reason = self._kill_reason or reason
            self._kill_group()

    def retire(self, reason: str | None = None) -> None:
        """Lets an idle child run its atexit handlers and exit; kills a busy or slow one for `reason`."""
        if self._reply is not None:
            self.kill(reason)
        if self._retiring or self.exit_status is not None:
            return
        self._retiring = True
        if self._connected:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
        self._kill_timer = self._loop.call_later(RETIRE_LIMIT_S, self._kill_slow)

    def ask_to_stop(self) -> None:
        """Tells its job that the worker is stopping."""
        self._started_call.ask_to_stop()

    def filenos(self) -> tuple[int, ...]:
        """The descriptors that connect us to it; see `monarq.workers.system.forks`."""
        if self.exit_status is not None:
            return ()
        return self._connection.fileno(), self._lifeline_fd, -1 if self._pidfd is None else self._pidfd

    async def wait_ended(self) -> None:
        """Waits until the process has ended and is reaped."""
        await self._ended.wait()

    def _send(self) -> None:
        try:
            sent = self._connection.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._disconnect()
            return
        # Release a frame that was sent: an empty view of it would keep it alive.
        self._outgoing = self._outgoing[sent:] or _NOTHING
        if self._outgoing:
            self._loop.add_writer(self._connection, self._send_rest)

    def _send_rest(self) -> None:
        self._loop.remove_writer(self._connection)
        self._send()

    def _receive(self) -> bool:
        """Reads once; returns False if there was nothing to read, or the stream has ended."""
        try:
            data = self._connection.recv(READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._disconnect()
            return False
        self._incoming.feed(data)
        try:
            while (frame := self._incoming.take()) is not None:
                self._dispatch(frame)
        except ValueError:
            self._disconnect()
            self.kill(SOCKET_MISUSED)
        return self._connected

    def _dispatch(self, frame: Frame) -> None:
        # A thread left behind by an earlier job may still send: drop frames of other calls.
        if self._reply is None or self._reply.done() or frame.call != self._requests:
            return
        if frame.kind is not FrameKind.MESSAGE:
            self._reply.set_result(frame)
        elif self._on_message is not None:
            self._pass_on(frame, self._on_message)

    def _pass_on(self, frame: Frame, on_message: Callable[[object], None]) -> None:
        try:
            on_message(frame.load())
        except Exception as error:  # noqa: BLE001 - reported like the error of any other callback of the loop
            self._loop.call_exception_handler({"message": "on_message of a CPU job failed", "exception": error})

    def _disconnect(self) -> None:
        """Stops reading and writing, whichever side closed; a child that lives on without its socket is soon killed."""
        if not self._connected:
            return
        self._connected = False
        self._loop.remove_reader(self._connection)
        self._loop.remove_writer(self._connection)
        if self.exit_status is None and not self._retiring:
            self._kill_timer = self._loop.call_later(SILENT_LIMIT_S, self.kill, SOCKET_CLOSED)

    def _kill_slow(self) -> None:
        """Kills a child that was retired and has not ended."""
        self.is_cut_short = self._connected  # it closes the socket when its resources are closed
        self.kill()

    def _watch_call_start(self, waited_for: int) -> None:
        """Checks now and then, at no cost to jobs: a call that two checks find unstarted will never start."""
        unstarted = self._reply is not None and self.jobs > 0 and not self._outgoing and not self.has_started_call
        if unstarted and waited_for == self._requests:
            self.kill(NOT_STARTED)
        self._call_start_timer = self._loop.call_later(
            CALL_START_LIMIT_S, self._watch_call_start, self._requests if unstarted else 0
        )

    def _watch_exit(self) -> None:
        if self._pidfd is not None:
            self._loop.add_reader(self._pidfd, self._reap)
        elif not self._reap():
            self._loop.call_later(EXIT_POLL_S, self._watch_exit)

    def _reap(self) -> bool:
        """Takes the exit status and finishes; returns False if the process is alive."""
        if self._pidfd is not None:
            # Kill the processes that jobs started before reaping: until then, the group's id is ours.
            self._kill_group()
        status = reap(self.pid, inherited_peak_bytes=self._inherited_peak_bytes, kill_reason=self._kill_reason)
        if status is None:
            return False
        if self._pidfd is None:
            self._kill_group()
        if status.exit_code == BROKEN_SOCKET_EXIT:
            status = replace(status, reason=SOCKET_CLOSED)
        self._finish(status)
        return True

    def _finish(self, status: ExitStatus) -> None:
        # The job's answer may have arrived just before the end: it counts.
        while self._connected and self._receive():
            pass
        self.exit_status = status
        self._disconnect()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        self._call_start_timer.cancel()
        self._started_call.close()
        self._connection.close()
        os.close(self._lifeline_fd)
        # We reaped it ourselves to learn its memory usage: Popen must not wait for it again.
        self._process.returncode = status.exit_code or 0
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(status)
        self._ended.set()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # It has already ended; macOS says "not permitted" for a group of zombies.
            return


def _spawn(sys_path: list[str]) -> SpawnedChild:
    """Starts a child in its own session, so that Ctrl-C spares it and its whole group can be killed.

    Args:
        sys_path: its import path from the very first import on, since monarq itself may be found only through it.

    Raises:
        OSError: the system refuses another process or descriptor.
    """
    connection, theirs = socket.socketpair()
    connection.setblocking(False)
    lifeline_theirs, lifeline_fd = os.pipe()
    memory_fd = open_shared_memory()
    try:
        started_call = StartedCall(memory_fd)
        process = subprocess.Popen(
            _command_line(theirs.fileno(), lifeline_theirs, memory_fd),
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), lifeline_theirs, memory_fd),
            start_new_session=True,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(path or os.getcwd() for path in sys_path)),  # noqa: PTH109
        )
    except BaseException:
        connection.close()
        os.close(lifeline_fd)
        raise
    finally:
        theirs.close()
        os.close(lifeline_theirs)
        os.close(memory_fd)
    return SpawnedChild(process, connection, lifeline_fd, started_call)


def _command_line(connection_fd: int, lifeline_fd: int, memory_fd: int) -> list[str]:
    """The child's command; -P keeps the working directory from being prepended to the import path that we pass."""
    numbers = (connection_fd, lifeline_fd, memory_fd, os.getpid())
    return [sys.executable, "-P", "-m", CHILD_MODULE, *map(str, numbers)]
