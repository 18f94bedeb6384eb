"""One CPU child process as its worker sees it: started, asked, watched, killed.

CpuLane (cpu.py) makes one, and puts another in its place when it has ended. Everything here runs in callbacks of the
worker's event loop (uvloop or asyncio) and holds it no longer than a fork or a read of 64 KB takes. Nobody waits for a
killed child: it is reaped when it has gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

from monarq.workers.lanes.child_end import (
    NOT_BEGUN,
    SOCKET_CLOSED,
    SOCKET_MISUSED,
    ChildEnd,
    open_pidfd,
    reap,
)
from monarq.workers.lanes.child_protocol import READ_BYTES, Failure, Frame, FrameBuffer, Hello, Kind, dump_frame
from monarq.workers.lanes.child_start import NewChild, spawn_child
from monarq.workers.runs.cpu_errors import CpuStartError
from monarq.workers.system.forks import FORKS

START_LIMIT_S = 60.0
"""How long a child may take to be ready, its preloading counted in."""
RETIRE_LIMIT_S = 1.0
"""How long a retired child may take over its atexit handlers."""
SILENT_LIMIT_S = 0.1
"""How long after its socket closed a child may take to be seen dead, before a job is taken to have closed it."""
BEGIN_LIMIT_S = 3.0
"""How long a child that was sent a job may take to begin it: a thread of an earlier job may read in its place."""
EXIT_POLL_S = 0.02
"""How often to look for a child's end where the system cannot tell."""

_NOTHING: Final = memoryview(b"")


class ChildProcess:
    """A child and the one conversation that goes on with it.

    Attributes:
        pid: its process id, and that of its process group.
        end: how it ended; None while it lives.
    """

    def __init__(self, new: NewChild) -> None:
        """Takes over a process just started and begins to watch it on the running event loop."""
        self.pid = new.process.pid
        self.end: ChildEnd | None = None
        self._loop = asyncio.get_running_loop()
        self._process, self._connection, self._lifeline_fd, self._begun = new
        self._connected = True
        self._dismissed = False
        self._requests = 0
        self._reply: asyncio.Future[Frame | ChildEnd] | None = None
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
        FORKS.part_from(self)
        self._begin_timer = self._loop.call_later(BEGIN_LIMIT_S, self._watch_begin, 0)

    @classmethod
    def spawn(cls, sys_path: list[str]) -> Self:
        """Starts a child with this import path; CpuStartError when the system refuses."""
        try:
            return cls(spawn_child(sys_path))
        except OSError as error:
            raise CpuStartError(str(error)) from error

    @property
    def jobs(self) -> int:
        """How many jobs it was sent."""
        return max(self._requests - 1, 0)

    @property
    def usable(self) -> bool:
        """Whether a job may be sent, as far as is known: alive, not on its way out, and nothing half-said."""
        return self._connected and not self._dismissed and not self._incoming

    @property
    def has_begun(self) -> bool:
        """Whether it has taken on what it was sent last."""
        # A job that writes into whatever is open may have spoiled the number: then it has begun.
        return self._begun.get() != self._requests - 1

    def look(self) -> bool:
        """Takes in what the loop has not seen yet, such as the child's end, and tells whether a job may be sent."""
        while self.usable and self._receive():
            pass
        return self.usable

    async def prepare(self, hello: Hello) -> None:
        """Tells a new child how to set itself up, and waits until it is ready; CpuStartError when it fails."""
        try:
            async with asyncio.timeout(START_LIMIT_S):
                reply = await self.request(self.pack(Kind.HELLO, hello))
        except TimeoutError:
            raise CpuStartError(f"it was not ready after {START_LIMIT_S:g} s and was killed") from None
        if isinstance(reply, ChildEnd):
            manner = reply.reason or reply.signal_name or f"exit code {reply.exit_code}; its stderr may say why"
            raise CpuStartError(f"it ended before it was ready ({manner})")
        answer = reply.load()
        if isinstance(answer, Failure):
            self.retire()
            raise CpuStartError(f"a module to preload failed\n{answer.traceback_text}")
        if isinstance(answer, int):
            self._inherited_peak_bytes = answer

    def pack(self, kind: Kind, value: object) -> bytes:
        """The frame for the next request(); raises what pickling `value` raises, and nothing has happened then."""
        return dump_frame(kind, self._requests + 1, value)

    async def request(self, frame: bytes, on_message: Callable[[object], None] | None = None) -> Frame | ChildEnd:
        """Sends what pack() made; the child's answer, or how it ended instead. Cancelled, it kills the child."""
        if self.end is not None:
            return self.end
        self._requests += 1
        reply: asyncio.Future[Frame | ChildEnd] = self._loop.create_future()
        self._reply = reply
        self._on_message = on_message
        self._outgoing = memoryview(frame)
        del frame  # a big one is not to be held for as long as the job runs
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
        """Sends SIGKILL to the child and to what its jobs started; `reason` goes into its end."""
        self._dismissed = True
        if self.end is None:
            self._kill_reason = self._kill_reason or reason
            self._kill_group()

    def retire(self, reason: str | None = None) -> None:
        """Lets an idle child run its atexit handlers and end; kills a busy or a slow one for `reason`."""
        if self._reply is not None:
            self.kill(reason)
        if self._dismissed or self.end is not None:
            return
        self._dismissed = True
        if self._connected:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
        self._kill_timer = self._loop.call_later(RETIRE_LIMIT_S, self.kill)

    def filenos(self) -> tuple[int, ...]:
        """The descriptors that join it to us: see `monarq.workers.system.forks`."""
        if self.end is not None:
            return ()
        return self._connection.fileno(), self._lifeline_fd, -1 if self._pidfd is None else self._pidfd

    async def wait_ended(self) -> None:
        """Waits until the process is gone and reaped."""
        await self._ended.wait()

    def _send(self) -> None:
        try:
            sent = self._connection.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._hang_up()
            return
        # What is sent whole is let go: an empty view of it would keep it.
        self._outgoing = self._outgoing[sent:] or _NOTHING
        if self._outgoing:
            self._loop.add_writer(self._connection, self._send_rest)

    def _send_rest(self) -> None:
        self._loop.remove_writer(self._connection)
        self._send()

    def _receive(self) -> bool:
        """Takes what has come in; False when there was nothing, or when there will be nothing more."""
        try:
            data = self._connection.recv(READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return False
        self._incoming.feed(data)
        try:
            while (frame := self._incoming.take()) is not None:
                self._dispatch(frame)
        except ValueError:
            self._hang_up()
            self.kill(SOCKET_MISUSED)
        return self._connected

    def _dispatch(self, frame: Frame) -> None:
        # A thread that a job left behind may send on: what does not belong to this job is dropped.
        if self._reply is None or self._reply.done() or frame.job != self._requests:
            return
        if frame.kind is not Kind.MESSAGE:
            self._reply.set_result(frame)
        elif self._on_message is not None:
            self._pass_on(frame, self._on_message)

    def _pass_on(self, frame: Frame, on_message: Callable[[object], None]) -> None:
        try:
            on_message(frame.load())
        except Exception as error:  # noqa: BLE001 - it is told as the fault of any other callback of the loop is
            self._loop.call_exception_handler({"message": "on_message of a CPU job failed", "exception": error})

    def _hang_up(self) -> None:
        """Ends the conversation, from whichever side; a child that lives on without it is killed soon."""
        if not self._connected:
            return
        self._connected = False
        self._loop.remove_reader(self._connection)
        self._loop.remove_writer(self._connection)
        if self.end is None and not self._dismissed:
            self._kill_timer = self._loop.call_later(SILENT_LIMIT_S, self.kill, SOCKET_CLOSED)

    def _watch_begin(self, waited_for: int) -> None:
        """Looks now and then, which costs a job nothing: one that is unbegun at two looks is not begun any more."""
        unbegun = self._reply is not None and self.jobs > 0 and not self._outgoing and not self.has_begun
        if unbegun and waited_for == self._requests:
            self.kill(NOT_BEGUN)
        self._begin_timer = self._loop.call_later(BEGIN_LIMIT_S, self._watch_begin, self._requests if unbegun else 0)

    def _watch_exit(self) -> None:
        if self._pidfd is not None:
            self._loop.add_reader(self._pidfd, self._reap)
        elif not self._reap():
            self._loop.call_later(EXIT_POLL_S, self._watch_exit)

    def _reap(self) -> bool:
        """Takes the exit status and finishes; False when the process lives."""
        if self._pidfd is not None:
            # What jobs started goes too, and before the reaping: until then the group's number is surely ours.
            self._kill_group()
        end = reap(self.pid, inherited_peak_bytes=self._inherited_peak_bytes, kill_reason=self._kill_reason)
        if end is None:
            return False
        if self._pidfd is None:
            self._kill_group()
        self._finish(end)
        return True

    def _finish(self, end: ChildEnd) -> None:
        # The job's answer may have come in just before the end: it counts.
        while self._connected and self._receive():
            pass
        self.end = end
        self._hang_up()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        self._begin_timer.cancel()
        self._begun.close()
        self._connection.close()
        os.close(self._lifeline_fd)
        # We reaped it ourselves, for its memory figure: Popen must not wait for it again.
        self._process.returncode = end.exit_code or 0
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(end)
        self._ended.set()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # Gone already; macOS says "not permitted" of a group of zombies.
            return
