"""The worker process: `python -m monarq.workers.process --control-fd N`, started by the supervisor and by nobody else.

It gets its spec over the control channel, makes the worker and runs it on uvloop, sends the supervisor a heartbeat each
second, and stops when it is told to: by SIGTERM or SIGINT (the first drains; another, a second or more
later, hands the running jobs back), by the supervisor's word, or as its supervisor is gone. Whatever its jobs leave
behind, it exits soon after everything is handed back.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import uvloop

from monarq.shared.errors import MonarqError
from monarq.shared.redis.connection import UrlSource
from monarq.workers.config.importer import find_object
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.channel import WorkerEnd
from monarq.workers.control.messages import (
    Drain,
    Exiting,
    HandBack,
    Ready,
    Recover,
    Start,
    StartFailed,
    StopClaiming,
    ToWorker,
)
from monarq.workers.leases.recoverer import Recoverer
from monarq.workers.reporting.log_setup import configure_logging, configure_root_logging, let_speak
from monarq.workers.reporting.process_log import RecoveryLog, start_failure, still_at_work
from monarq.workers.system.event_loop import run_until_complete
from monarq.workers.system.forks import FORK_GUARD
from monarq.workers.system.output import make_output_nonblocking
from monarq.workers.system.signals import handling

if TYPE_CHECKING:  # put off: a worker listens to its supervisor before it imports redis
    from redis.asyncio import Redis

    from monarq.shared.redis.connection import RedisSource
    from monarq.workers.config.settings import WorkerSettings
    from monarq.workers.control.heartbeat import Heartbeat
    from monarq.workers.process.target import TargetLoader

HEARTBEAT_S: Final = 1.0
SAME_REQUEST_S: Final = 1.0
"""Signals that come closer together are one request: a service manager signals us beside the supervisor."""
LINGER_S: Final = 0.8
"""How long exit handlers and threads may take once everything is handed back."""
ORPHAN_S: Final = 5.0
"""How long a worker without supervisor may take beyond its grace."""
CANNOT_START: Final = 2
WITHOUT_MEMORY: Final = 3
"""Exit code of a worker whose allocations fail."""


class RunnableWorker(Protocol):
    """What runs the jobs; `monarq.workers.process.worker.Worker` is one."""

    @property
    def worker_id(self) -> str:
        """Its name in Redis."""
        ...

    @property
    def settings(self) -> WorkerSettings:
        """What it goes by."""
        ...

    @property
    def source(self) -> RedisSource:
        """Where its jobs are."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether every job has ended or is handed back."""
        ...

    async def run(self) -> None:
        """Runs jobs until told to stop, or until a burst is done."""
        ...

    def stop_claiming(self) -> None:
        """Takes no new job, and lives on."""
        ...

    def drain(self) -> None:
        """Takes no new job, and ends."""
        ...

    def hand_back(self) -> None:
        """Gives the running jobs back."""
        ...

    def heartbeat(self) -> Heartbeat:
        """Its state, compared with the last time."""
        ...

    @property
    def cut_short(self) -> bool:
        """Whether it has stopped runs before their end."""
        ...


Build = Callable[[WorkerSpec, Callable[[], None]], RunnableWorker]
"""Makes the worker of a spec, which is to call the function once it takes jobs."""


class ReadyReporter:
    """A background task that starts when everything else has, and reports that."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    async def run(self, redis: Redis) -> None:
        """See `monarq.workers.process.lifecycle.BackgroundTask`: a part that returns would end the worker."""
        self._tell()
        await asyncio.Event().wait()


class WorkerMain:
    """The process around one worker: carries out what the supervisor and signals ask for."""

    def __init__(self, spec: WorkerSpec, channel: WorkerEnd, messages: Iterator[ToWorker]) -> None:
        self._spec = spec
        self._channel = channel
        self._messages = messages
        self._recoverer = Recoverer(RecoveryLog())
        self._worker: RunnableWorker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ready = False
        self._stop_asked_s: float | None = None

    def run(self, build: Build) -> int:
        """Makes the worker and runs it to its end; returns the exit code."""
        threading.Thread(target=self._obey_supervisor, name="monarq-control", daemon=True).start()
        try:
            configure_logging(self._spec.log)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                # Before the program is imported, which may ask for the loop.
                asyncio.set_event_loop(runner.get_loop())
                self._worker = build(self._spec, self._tell_ready)
                configure_root_logging(self._spec.log)
                run_until_complete(runner.get_loop(), self._serve(self._worker))
        except MonarqError as error:
            if self._is_ready:
                raise
            self._channel.send(StartFailed(str(error)))
            return CANNOT_START
        except BaseException as error:
            if not self._is_ready:
                self._channel.send(StartFailed(start_failure(error)))
            raise
        return 0

    async def _serve(self, worker: RunnableWorker) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(end_without_memory)
        FORK_GUARD.forbid_loop(self._loop)
        handlers = {signal.SIGTERM: self._on_signal, signal.SIGINT: self._on_signal, signal.SIGHUP: _do_nothing}
        with handling(handlers):
            heartbeats = asyncio.create_task(self._send_heartbeats(worker))
            try:
                await worker.run()
            except BaseException:
                if worker.is_over:
                    self._report_exit(worker, failed=True)
                raise
            finally:
                heartbeats.cancel()
                # No thread or task that a job left behind may keep the process any longer.
                _exit_within(LINGER_S)
            self._report_exit(worker)

    def _report_exit(self, worker: RunnableWorker, *, failed: bool = False) -> None:
        in_burst = worker.settings.burst and self._stop_asked_s is None
        self._channel.send(Exiting("burst" if in_burst else "drained", worker.cut_short, failed))

    async def _send_heartbeats(self, worker: RunnableWorker) -> None:
        while True:
            let_speak()  # a hook or a job may have set logging up
            self._channel.send(worker.heartbeat())
            await asyncio.sleep(HEARTBEAT_S)

    def _tell_ready(self) -> None:
        worker = self._worker
        if worker is None:
            return
        self._is_ready = True
        settings = worker.settings
        url = worker.source.url if isinstance(worker.source, UrlSource) else None
        self._channel.send(
            Ready(
                worker.worker_id,
                list(settings.queues),
                settings.lease_s,
                settings.grace_s,
                redis_url=url,
                one_process=settings.one_process,
            )
        )

    def _on_signal(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._stop_asked_s is None:
            self._drain()
        elif now_s - self._stop_asked_s >= SAME_REQUEST_S:
            self._hand_back()

    def _drain(self) -> None:
        # A signal and the supervisor's word are one request.
        if self._worker is not None and self._stop_asked_s is None:
            self._stop_asked_s = asyncio.get_running_loop().time()
            self._worker.drain()

    def _hand_back(self) -> None:
        self._drain()
        if self._worker is not None:
            self._worker.hand_back()

    def _stop_claiming(self) -> None:
        if self._worker is not None:
            self._worker.stop_claiming()

    def _recover(self, order: Recover) -> None:
        if self._worker is not None:
            self._recoverer.start(order.dead, order.reason, self._worker.source.client())

    def _obey_supervisor(self) -> None:
        """Listens in a thread, so that a worker whose event loop hangs learns of its supervisor's death too."""
        for message in self._messages:
            match message:
                case Drain():
                    self._call(self._drain)
                case HandBack():
                    self._call(self._hand_back)
                case StopClaiming():
                    self._call(self._stop_claiming)
                case Recover():
                    self._call(partial(self._recover, message))
        if self._worker is None or self._loop is None:
            os._exit(0)  # nothing has been claimed
        # It must end even if its loop never turns again: a lease that is always renewed frees no job. This needs
        # neither the loop nor the interpreter's lock.
        faulthandler.dump_traceback_later(self._worker.settings.grace_s + ORPHAN_S, exit=True)
        self._call(self._drain)

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: all is over already
                self._loop.call_soon_threadsafe(function)


def main(build: Build | None = None) -> None:
    """Runs the worker that the supervisor asks for, and exits.

    Args:
        build: makes the worker; by default from the spec's target.
    """
    make_output_nonblocking()
    faulthandler.enable()
    channel = WorkerEnd(socket.socket(fileno=int(sys.argv[sys.argv.index("--control-fd") + 1])))
    FORK_GUARD.close_in_forks(channel)
    FORK_GUARD.install()
    messages = channel.messages()
    start = next(messages, None)
    if not isinstance(start, Start):
        sys.exit(0)  # the supervisor is gone already
    _take_over_path(start)
    sys.exit(WorkerMain(start.spec, channel, messages).run(build or build_worker))


def build_worker(spec: WorkerSpec, on_ready: Callable[[], None]) -> RunnableWorker:
    """The worker for a spec's target.

    Raises:
        MonarqError: there is no such target, or its settings are wrong.
    """
    from monarq.workers.process.target import load_target

    overrides = spec.overrides | {"log": spec.log} | ({} if spec.warns_for_pool else {"audit": False})
    loaded = load_target(spec.target or "", spec.redis_url, overrides, [_loader_at(path) for path in spec.loaders])
    loaded.background.append(ReadyReporter(on_ready))
    worker = loaded.worker(warns=spec.warns_for_pool)
    worker.restarts = spec.restarts
    worker.own_process()
    return worker


def _loader_at(path: str) -> TargetLoader:
    return cast("TargetLoader", find_object(path))


def _take_over_path(start: Start) -> None:
    sys.path[:] = start.sys_path
    os.environ.pop("PYTHONPATH", None)
    if start.python_path is not None:
        os.environ["PYTHONPATH"] = start.python_path


def end_without_memory(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's exception handler: a worker that loses its parts one by one must end, so that its jobs are freed."""
    if isinstance(context.get("exception"), MemoryError):
        os._exit(WITHOUT_MEMORY)
    loop.default_exception_handler(context)


def _exit_within(wait_s: float) -> None:
    timer = threading.Timer(wait_s, _exit_now)
    timer.daemon = True
    timer.start()


def _exit_now() -> None:
    mine = (threading.main_thread(), threading.current_thread())
    threads = [thread.name for thread in threading.enumerate() if not thread.daemon and thread not in mine]
    with suppress(OSError, ValueError):
        sys.stderr.write(still_at_work(threads))
        sys.stderr.flush()
        sys.stdout.flush()
    os._exit(1)


def _do_nothing() -> None:
    """SIGHUP is for the supervisor; here it is handled, not ignored, so that what jobs start has the default."""
