"""One worker process as its supervisor sees it: started, listened to, watched, told to stop, killed, reaped.

The other side is process.py. Everything here runs in callbacks of the supervisor's event loop and never waits. The
process leads a session of its own: Ctrl-C in a terminal reaches the supervisor alone, and a worker that is killed takes
along what its jobs have started.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import psutil

from monarq.workers.config.spec import Limits, WorkerSpec
from monarq.workers.control.channel import ChannelError, SupervisorEnd
from monarq.workers.control.heartbeat import Pulse
from monarq.workers.control.messages import (
    Beat,
    Drain,
    Ended,
    FromWorker,
    HandBack,
    Ready,
    Refused,
    Repair,
    Rest,
    Start,
)
from monarq.workers.lanes.child_end import ChildEnd, reap
from monarq.workers.lanes.memory_guard import read_resident_bytes
from monarq.workers.supervisor.log import SupervisorLog, hung_for, stubborn_for
from monarq.workers.system.job_processes import family_of, kill
from monarq.workers.system.reaper import has_ended

# -P keeps the working directory from standing before the path that we pass: a file there called queue.py, say, must
# not break the start.
COMMAND: Final = (sys.executable, "-P", "-m", "monarq.workers.process")

TICK_S: Final = 0.5
EXIT_S: Final = 5.0
"""How long a process may take to exit that has said that it ended."""

_MAXRSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024


class WorkerProcess:
    """A worker process.

    Attributes:
        index: its place in the pool.
        restarts: how often the worker of its place has ended by itself or was killed.
        pid: its process id, and that of its process group and session.
        ready: what it said when it was ready; None before.
        refusal: why it cannot start, if it said so.
        ready_bytes: the resident memory that it had then; 0 before.
        pulse: how it stood at its last beat.
        silent_s: seconds since it was last heard of; time in which we were stopped ourselves does not count.
        farewell: "drained" or "burst" when everything was handed back, else None: what it held is to be repaired.
        failed: whether what it did after its last job has raised.
        killed_for: why the supervisor killed it, if it did.
        end: how it ended; None while it lives.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        channel: SupervisorEnd,
        *,
        index: int,
        restarts: int,
        limits: Limits,
        log: SupervisorLog,
        on_ready: Callable[[WorkerProcess], None],
    ) -> None:
        """Takes over a process just started and begins to watch it on the running event loop."""
        self.index = index
        self.restarts = restarts
        self.pid = process.pid
        self.ready: Ready | None = None
        self.ready_bytes = 0
        self.refusal: str | None = None
        self.farewell: str | None = None
        self.failed = False
        self.killed_for: str | None = None
        self.end: ChildEnd | None = None
        self._process = process
        self._channel = channel
        self._limits = limits
        self._log = log
        self._on_ready = on_ready
        self._loop = asyncio.get_running_loop()
        self.started_s = self._loop.time()
        self.pulse = Pulse()
        self.silent_s = 0.0
        self._warned = False
        self._draining = False
        self._idle = asyncio.Event()
        self._idle_beats = 0
        self._ready_or_ended = asyncio.Event()
        self._ended = asyncio.Event()
        self._kill_timer: asyncio.TimerHandle | None = None
        self._cut_short = False
        self._condemned: set[psutil.Process] = set()
        self._tick_timer = self._loop.call_later(TICK_S, self._tick)
        self._loop.add_reader(channel, self._receive)

    @classmethod
    def spawn(
        cls,
        spec: WorkerSpec,
        command: Sequence[str],
        *,
        limits: Limits,
        log: SupervisorLog,
        on_ready: Callable[[WorkerProcess], None],
    ) -> Self:
        """Starts a worker.

        Raises:
            OSError: the system refuses another process or descriptor.
        """
        process, channel = start_worker(spec, command)
        place = {"index": spec.index, "restarts": spec.restarts}
        return cls(process, channel, **place, limits=limits, log=log, on_ready=on_ready)

    def __repr__(self) -> str:
        state = "ended" if self.end else "ready" if self.ready else "starting"
        return f"<worker {self.index} pid {self.pid} {state}>"

    @property
    def age_s(self) -> float:
        """How long ago it was started."""
        return self._loop.time() - self.started_s

    async def wait_ready(self) -> bool:
        """Waits until it takes jobs; False when it ended instead."""
        await self._ready_or_ended.wait()
        return self.ready is not None and self.end is None

    async def wait_ended(self) -> None:
        """Waits until the process is gone and reaped."""
        await self._ended.wait()

    async def rest(self) -> None:
        """Lets it take no more jobs, and waits until it runs none, however long that takes, or has ended."""
        if self.end is None:
            self._idle.clear()
            self._idle_beats = 0
        self._channel.send(Rest())
        await self._idle.wait()

    def drain(self) -> None:
        """Lets it end its jobs; after its grace it has to be gone. Safe to call twice."""
        if self._draining:
            return
        self._draining = True
        grace_s = self.ready.grace_s if self.ready else 0.0
        # The signal reaches it before it listens; the word reaches it where a job has taken the signal's handler.
        self._signal(signal.SIGTERM)
        self._channel.send(Drain())
        self._kill_within(grace_s + self._limits.kill_after_s)

    def hand_back(self) -> None:
        """Lets it hand its jobs back now."""
        self.drain()
        # Not by a second SIGTERM: service managers signal every process of a service, beside what we send.
        self._channel.send(HandBack())
        self._kill_within(self._limits.kill_after_s)

    @property
    def is_serving(self) -> bool:
        """Whether it runs, as far as can be told, and was not told to stop."""
        over = self._draining or self.farewell or self.killed_for or self.end
        return self.ready is not None and not over

    def ask_repair(self, order: Repair) -> None:
        """Lets it give back what another worker held that is dead."""
        self._channel.send(order)

    def reap(self) -> bool:
        """Takes the exit status when the process has ended; False when it lives."""
        if self.end is not None:
            return True
        if not has_ended(self.pid):
            return False
        while self._receive():
            pass  # its last words may lie in the channel still
        if self.farewell is None or self._cut_short:
            # Its jobs will run again: what they have started must not go on beside that.
            self._kill_family()
        # Until its exec, a child's memory counts as our own.
        own_peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT_BYTES
        self.end = reap(self.pid, inherited_peak_bytes=own_peak_bytes, kill_reason=self.killed_for)
        self._finish()
        return True

    def abandon(self) -> None:
        """Looks after it no longer: to the process that means that its supervisor is gone."""
        self._tick_timer.cancel()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._loop.remove_reader(self._channel)
        self._channel.close()

    def _finish(self) -> None:
        self.abandon()
        # It is reaped already, for its memory figure: Popen must not wait for it again.
        self._process.returncode = self.end.exit_code or 0 if self.end else 0
        self._idle.set()
        self._ready_or_ended.set()
        self._ended.set()

    def _receive(self) -> bool:
        """Takes what has come in; False when there was nothing, or when nothing more will come."""
        try:
            messages = self._channel.receive()
        except ChannelError as error:
            messages = None
            self._log.channel_broken(self, error)
        if messages is None:
            # A process that lives on without its channel will be silent, and ends by that.
            self._loop.remove_reader(self._channel)
            return False
        for message in messages:
            self._take(message)
        return bool(messages)

    def _take(self, message: FromWorker) -> None:
        self.silent_s, self._warned = 0.0, False
        match message:
            case Beat():
                self.pulse = message.pulse
                self._idle_beats = 0 if self.pulse.running else self._idle_beats + 1
                if self._idle_beats > 1:  # the first may have been sent before it was told to rest
                    self._idle.set()
            case Ready():
                self.ready, self.ready_bytes = message, read_resident_bytes(self.pid)
                self._ready_or_ended.set()
                self._on_ready(self)
            case Refused():
                self.refusal = message.message
            case Ended():
                self.farewell, self._cut_short, self.failed = message.reason, message.cut_short, message.failed
                self._kill_within(EXIT_S)

    def _tick(self) -> None:
        """Counts ticks, not time: when we were stopped or frozen together with the worker, it was not silent."""
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
        self.killed_for = hung_for(self.silent_s)
        self._log.worker_hung(self, self.silent_s)
        self._condemned |= family_of(self.pid)  # what descends from it is not found once it has ended
        # Its fault handler writes all stacks on SIGABRT, whoever holds the interpreter's lock.
        self._signal(signal.SIGABRT)
        self._replace_kill_timer(self._limits.dump_s, self._kill_family)

    def _kill_within(self, wait_s: float) -> None:
        """Kills it after this time, or when it was to be killed before, if that is sooner."""
        if self.end is not None or self.killed_for is not None:
            return
        if self._kill_timer is None or self._kill_timer.when() > self._loop.time() + wait_s:
            self._replace_kill_timer(wait_s, self._kill_stubborn, wait_s)

    def _kill_stubborn(self, waited_s: float) -> None:
        self.killed_for = stubborn_for(waited_s)
        self._log.worker_stubborn(self)
        self._kill_family()

    def _replace_kill_timer(self, wait_s: float, kill: Callable[..., None], *arguments: float) -> None:
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._kill_timer = self._loop.call_later(wait_s, kill, *arguments)

    def _signal(self, number: signal.Signals) -> None:
        # A process that was not reaped keeps its number, so this reaches nobody else.
        if self.end is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _kill_family(self) -> None:
        """Kills it, and what it and its jobs have started; to be called before it is reaped."""
        self._condemned |= family_of(self.pid)
        # macOS says "not permitted" of a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        kill(self._condemned)


def start_worker(spec: WorkerSpec, command: Sequence[str]) -> tuple[subprocess.Popen[bytes], SupervisorEnd]:
    """Starts a worker's process in a session of its own, and sends it its spec.

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
