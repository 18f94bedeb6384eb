"""The supervisor's handle of one worker process: start, messages, hang detection, stop, kill, reaping.

The other side is `monarq.workers.process.main`. Everything here runs in callbacks of the supervisor's event loop and
never blocks. The process leads its own session: Ctrl-C in a terminal reaches only the supervisor, and a worker is
killed together with the processes of its jobs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import psutil

from monarq.workers.config.spec import SupervisorLimits, WorkerSpec
from monarq.workers.control.channel import ChannelError, SupervisorEnd
from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.control.messages import (
    Drain,
    Exiting,
    ExitReason,
    FromWorker,
    HandBack,
    Importing,
    Ready,
    Recover,
    Start,
    StartFailed,
    StopClaiming,
)
from monarq.workers.supervisor.supervisor_log import SupervisorLog, hang_note, stop_timeout_note
from monarq.workers.system.job_processes import kill, process_tree
from monarq.workers.system.memory import own_peak_bytes, read_resident_bytes
from monarq.workers.system.reaper import ExitStatus, has_ended, reap

# -P keeps the working directory out of the import path: a file there, such as queue.py, must not break the start.
COMMAND: Final = (sys.executable, "-P", "-m", "monarq.workers.process")

TICK_S: Final = 0.5
EXIT_S: Final = 5.0
"""How long a process may take to exit after it has said that it will."""


class WorkerHandle:
    """A worker process.

    Attributes:
        index: the number of its slot.
        restarts: how often the worker of its slot ended unexpectedly or was killed.
        pid: its process id, and that of its process group and session.
        ready: its `Ready`; None until received.
        importing: the module of the program that it is importing; '' once the import is over.
        start_error: why it cannot start, if it said so.
        ready_bytes: its resident memory when it was ready; 0 before.
        heartbeat: its last heartbeat.
        silent_s: seconds since its last message, without the time for which we were suspended ourselves.
        clean_exit: "drained" or "burst" once it has handed everything back; else None: its jobs must be recovered.
        failed: whether a lifespan or hook of the user raised after the last job.
        kill_reason: why the supervisor killed it, if it did.
        end: how it ended; None while it is alive.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        channel: SupervisorEnd,
        *,
        index: int,
        restarts: int,
        importing: str,
        limits: SupervisorLimits,
        log: SupervisorLog,
        on_ready: Callable[[WorkerHandle], None],
    ) -> None:
        """Takes over a process just started and watches it on the running event loop."""
        self.index = index
        self.restarts = restarts
        self.pid = process.pid
        self.ready: Ready | None = None
        self.ready_bytes = 0
        self.importing = importing
        self.start_error: str | None = None
        self.clean_exit: ExitReason | None = None
        self.failed = False
        self.kill_reason: str | None = None
        self.end: ExitStatus | None = None
        self._process = process
        self._channel = channel
        self._limits = limits
        self._log = log
        self._on_ready = on_ready
        self._loop = asyncio.get_running_loop()
        self.started_s = self._loop.time()
        self.heartbeat = Heartbeat()
        self.silent_s = 0.0
        self._warned = False
        self._draining = False
        self._idle = asyncio.Event()
        self._idle_heartbeats = 0
        self._ready_or_ended = asyncio.Event()
        self._ended = asyncio.Event()
        self._kill_timer: asyncio.TimerHandle | None = None
        self._interrupted_runs = False
        self._to_kill: set[psutil.Process] = set()
        self._tick_timer = self._loop.call_later(TICK_S, self._tick)
        self._loop.add_reader(channel, self._receive)

    @classmethod
    def spawn(
        cls,
        spec: WorkerSpec,
        command: Sequence[str],
        *,
        limits: SupervisorLimits,
        log: SupervisorLog,
        on_ready: Callable[[WorkerHandle], None],
    ) -> Self:
        """Starts a worker.

        Raises:
            OSError: the system refuses another process or descriptor.
        """
        process, channel = _start_process(spec, command)
        slot = {"index": spec.index, "restarts": spec.restarts}
        return cls(process, channel, **slot, importing=spec.target or "", limits=limits, log=log, on_ready=on_ready)

    def __repr__(self) -> str:
        state = "ended" if self.end else "ready" if self.ready else "starting"
        return f"<worker {self.index} pid {self.pid} {state}>"

    @property
    def age_s(self) -> float:
        """How long ago it was started."""
        return self._loop.time() - self.started_s

    async def wait_ready(self) -> bool:
        """Waits until it takes jobs; returns False if it ended instead."""
        await self._ready_or_ended.wait()
        return self.ready is not None and self.end is None

    async def wait_ended(self) -> None:
        """Waits until the process has ended and is reaped."""
        await self._ended.wait()

    async def quiesce(self) -> None:
        """Makes it claim no more jobs, and waits until it runs none, however long that takes, or has ended."""
        if self.end is None:
            self._idle.clear()
            self._idle_heartbeats = 0
        self._channel.send(StopClaiming())
        await self._idle.wait()

    def drain(self) -> None:
        """Makes it finish its jobs and exit; it is killed soon after its grace period. Safe to call twice."""
        if self._draining:
            return
        self._draining = True
        grace_s = self.ready.grace_s if self.ready else 0.0
        # The signal works before it listens to us; the message works if a job has replaced the signal's handler.
        self._signal(signal.SIGTERM)
        self._channel.send(Drain())
        self._kill_within(grace_s + self._limits.kill_after_s)

    def hand_back(self) -> None:
        """Makes it hand its jobs back now and exit."""
        self.drain()
        # Do not send a second SIGTERM: service managers send their own to every process of a service.
        self._channel.send(HandBack())
        self._kill_within(self._limits.kill_after_s)

    @property
    def is_serving(self) -> bool:
        """Whether it is alive, as far as is known, and was not told to stop."""
        is_ending = self._draining or self.clean_exit or self.kill_reason or self.end
        return self.ready is not None and not is_ending

    def recover(self, order: Recover) -> None:
        """Makes it put the jobs of another, dead worker back into their queues."""
        self._channel.send(order)

    def reap(self) -> bool:
        """Takes the exit status if the process has ended; returns False while it is alive."""
        if self.end is not None:
            return True
        if not has_ended(self.pid):
            return False
        while self._receive():
            pass  # its last messages may still be in the channel
        if self.clean_exit is None or self._interrupted_runs:
            # Its jobs will run again: processes that they started must not run at the same time.
            self._kill_tree()
        # Until its exec, a child's memory counts as our own.
        self.end = reap(self.pid, inherited_peak_bytes=own_peak_bytes(), kill_reason=self.kill_reason)
        self._finish()
        return True

    def detach(self) -> None:
        """Stops watching it and closes its channel; the process concludes that its supervisor is gone."""
        self._tick_timer.cancel()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._loop.remove_reader(self._channel)
        self._channel.close()

    def _finish(self) -> None:
        self.detach()
        # It was already reaped to learn its memory usage: Popen must not wait for it again.
        self._process.returncode = self.end.exit_code or 0 if self.end else 0
        self._idle.set()
        self._ready_or_ended.set()
        self._ended.set()

    def _receive(self) -> bool:
        """Handles the received messages; returns False if there were none, or no more will come."""
        try:
            messages = self._channel.receive()
        except ChannelError as error:
            messages = None
            self._log.channel_broken(self, error)
        if messages is None:
            # A process that lives on without its channel sends nothing, and is killed for that.
            self._loop.remove_reader(self._channel)
            return False
        for message in messages:
            self._handle(message)
        return bool(messages)

    def _handle(self, message: FromWorker) -> None:
        if isinstance(message, Importing):
            self.importing = message.place
            return
        self.silent_s, self._warned, self.importing = 0.0, False, ""
        match message:
            case Heartbeat():
                self.heartbeat = message
                self._idle_heartbeats = 0 if self.heartbeat.running else self._idle_heartbeats + 1
                if self._idle_heartbeats > 1:  # the first may have been sent before it stopped claiming
                    self._idle.set()
            case Ready():
                self.ready, self.ready_bytes = message, read_resident_bytes(self.pid)
                self._ready_or_ended.set()
                self._on_ready(self)
            case StartFailed():
                self.start_error = message.message
            case Exiting():
                self.clean_exit, self._interrupted_runs, self.failed = (
                    message.reason,
                    message.interrupted_runs,
                    message.failed,
                )
                self._kill_within(EXIT_S)

    def _tick(self) -> None:
        """Counts ticks, not time: while we were suspended together with the worker, it was not silent."""
        self.silent_s += TICK_S
        limit_s = self._limits.hang_timeout_s if self.ready else self._limits.start_timeout_s
        if self.silent_s >= limit_s:
            self._kill_hung()
            return
        if not self._warned and self.silent_s >= limit_s / 3:
            self._warned = True
            self._log.worker_silent(self, self.silent_s, limit_s)
        self._tick_timer = self._loop.call_later(TICK_S, self._tick)

    def _kill_hung(self) -> None:
        self.kill_reason = hang_note(self, self.silent_s)
        self._log.worker_hung(self, self.silent_s)
        self._to_kill |= process_tree(self.pid)  # its descendants cannot be found once it has ended
        # Its fault handler writes all stacks on SIGABRT, whoever holds the GIL.
        self._signal(signal.SIGABRT)
        self._replace_kill_timer(self._limits.dump_s, self._kill_tree)

    def _kill_within(self, wait_s: float) -> None:
        """Kills it after this time, unless it is to be killed sooner."""
        if self.end is not None or self.kill_reason is not None:
            return
        if self._kill_timer is None or self._kill_timer.when() > self._loop.time() + wait_s:
            self._replace_kill_timer(wait_s, self._kill_unstopped, wait_s)

    def _kill_unstopped(self, waited_s: float) -> None:
        self.kill_reason = stop_timeout_note(waited_s, closing=self.heartbeat.closing)
        self._log.worker_stop_timed_out(self)
        self._kill_tree()

    def _replace_kill_timer(self, wait_s: float, kill: Callable[..., None], *arguments: float) -> None:
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._kill_timer = self._loop.call_later(wait_s, kill, *arguments)

    def _signal(self, number: signal.Signals) -> None:
        # A process that was not reaped keeps its id, so this reaches no other process.
        if self.end is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _kill_tree(self) -> None:
        """Kills it and all processes that it and its jobs started; call it before it is reaped."""
        self._to_kill |= process_tree(self.pid)
        # macOS says "not permitted" for a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        kill(self._to_kill)


def _start_process(spec: WorkerSpec, command: Sequence[str]) -> tuple[subprocess.Popen[bytes], SupervisorEnd]:
    """Starts a worker's process in its own session, and sends it its spec.

    Raises:
        OSError: the system refuses another process or descriptor.
    """
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [*command, "--control-fd", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(path or str(Path.cwd()) for path in sys.path)),
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    channel = SupervisorEnd(ours)
    channel.send(Start(spec, sys.path, os.environ.get("PYTHONPATH")))
    return process, channel
