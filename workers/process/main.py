"""The worker process: `python -m monarq.workers.process --control-fd N`; only the supervisor starts it.

It gets its spec over the control channel, creates the worker and runs it on uvloop, and sends the supervisor a
heartbeat every second. It stops on SIGTERM or SIGINT (the first drains; another one, a second or more later, hands the
running jobs back), on the supervisor's message, or when its supervisor is gone. Whatever its jobs leave behind, it
exits soon after everything is handed back.
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
from monarq.shared.text.printable import printable_lines
from monarq.shared.text.traceback_text import RemoteTraceback, traceback_text
from monarq.workers.config.importer import import_object
from monarq.workers.config.named_settings import by_attribute
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.channel import WorkerEnd
from monarq.workers.control.messages import (
    CANNOT_START,
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
from monarq.workers.process.import_reporter import ImportReporter
from monarq.workers.reporting.log_setup import configure_logging, configure_root_logging, enable_own_loggers
from monarq.workers.reporting.process_log import RecoveryLog, start_failure, still_at_work
from monarq.workers.system.event_loop import run_until_complete
from monarq.workers.system.forks import FORK_GUARD
from monarq.workers.system.output import make_output_nonblocking
from monarq.workers.system.signals import handling

if TYPE_CHECKING:  # deferred: a worker listens to its supervisor before it imports redis-py
    from redis.asyncio import Redis

    from monarq.shared.redis.connection import RedisSource
    from monarq.workers.config.settings import WorkerSettings
    from monarq.workers.control.heartbeat import Heartbeat
    from monarq.workers.process.target_loader import TargetLoader

HEARTBEAT_S: Final = 1.0
SAME_REQUEST_S: Final = 1.0
"""Signals closer together than this are one request: a service manager may signal us as well as the supervisor."""
EXIT_GRACE_S: Final = 0.8
"""How long exit handlers and threads may take once everything is handed back."""
ORPHAN_GRACE_S: Final = 5.0
"""How long a worker without a supervisor may take after its grace period."""
OUT_OF_MEMORY: Final = 3
"""Exit code of a worker that ran out of memory."""


class RunnableWorker(Protocol):
    """What the process needs of its worker; see `monarq.workers.process.worker.Worker`."""

    @property
    def worker_id(self) -> str:
        """Its name in Redis."""
        ...

    @property
    def settings(self) -> WorkerSettings:
        """Its settings."""
        ...

    @property
    def source(self) -> RedisSource:
        """Creates its Redis connections."""
        ...

    @property
    def is_drained(self) -> bool:
        """Whether every job has ended or was handed back."""
        ...

    async def run(self) -> None:
        """Runs jobs until it must stop, or until a burst is done."""
        ...

    def stop_claiming(self) -> None:
        """Claims no more jobs, but keeps running."""
        ...

    def drain(self) -> None:
        """Claims no more jobs, and ends when the running jobs have ended."""
        ...

    def hand_back(self) -> None:
        """Hands the running jobs back, and ends."""
        ...

    def heartbeat(self) -> Heartbeat:
        """Its state since the last heartbeat."""
        ...

    @property
    def interrupted_runs(self) -> bool:
        """Whether it has stopped runs early."""
        ...


WorkerFactory = Callable[[WorkerSpec, Callable[[], None]], RunnableWorker]
"""Creates the worker of a spec; the worker calls the function once it claims jobs."""


class ReadinessNotifier:
    """A background task that starts last, and reports that the worker is ready."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify

    async def run(self, redis: Redis) -> None:
        """See `monarq.workers.process.lifecycle.BackgroundTask`: a task that returned would end the worker."""
        self._notify()
        await asyncio.Event().wait()


class WorkerMain:
    """The process around one worker: carries out requests from the supervisor and from signals."""

    def __init__(self, spec: WorkerSpec, channel: WorkerEnd, messages: Iterator[ToWorker]) -> None:
        self._spec = spec
        self._channel = channel
        self._messages = messages
        self._recoverer = Recoverer(RecoveryLog())
        self._worker: RunnableWorker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ready = False
        self._stop_asked_s: float | None = None

    def run(self, build: WorkerFactory) -> int:
        """Creates the worker, runs it until it has ended, and returns the exit code."""
        threading.Thread(target=self._follow_supervisor, name="monarq-control", daemon=True).start()
        try:
            configure_logging(self._spec.log)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                # Before the program is imported, since it may look for the loop.
                asyncio.set_event_loop(runner.get_loop())
                FORK_GUARD.forbid_loop(runner.get_loop())
                with ImportReporter(self._channel):
                    self._worker = build(self._spec, self._report_ready)
                configure_root_logging(self._spec.log)
                run_until_complete(runner.get_loop(), self._serve(self._worker))
        except Exception as error:
            if not self._is_ready:
                return self._report_start_failure(error)
            if self._worker is None or not self._worker.is_drained:
                raise
            # Raised by a lifespan or a hook after the last job.
            from monarq.workers.runs.cpu_errors import CpuCloseError  # deferred: few workers need it

            if not isinstance(error, CpuCloseError):
                sys.stderr.write(printable_lines(traceback_text(error)))
            return 1
        except BaseException as error:
            if not self._is_ready:
                self._channel.send(StartFailed(start_failure(error)))
                if isinstance(error, SystemExit) and not error.code:
                    return 1  # nothing was served, which is no success
            raise
        return 0

    def _report_start_failure(self, error: Exception) -> int:
        """Reports why the worker cannot start, with a traceback if user code raised; returns the exit code."""
        of_child = error.__cause__ if isinstance(error.__cause__, RemoteTraceback) else None
        if isinstance(error, MonarqError) and of_child is None:
            self._channel.send(StartFailed(str(error)))
            return CANNOT_START
        self._channel.send(StartFailed(start_failure(error)))
        sys.stderr.write(printable_lines(of_child.text if of_child else traceback_text(error)))
        return 1

    async def _serve(self, worker: RunnableWorker) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(exit_out_of_memory)
        handlers = {signal.SIGTERM: self._on_signal, signal.SIGINT: self._on_signal, signal.SIGHUP: _do_nothing}
        with handling(handlers):
            heartbeats = asyncio.create_task(self._send_heartbeats(worker))
            try:
                await worker.run()
            except BaseException:
                if worker.is_drained:
                    self._report_exit(worker, failed=True)
                raise
            finally:
                heartbeats.cancel()
                # No thread or task that a job left behind may keep the process alive.
                _exit_within(EXIT_GRACE_S)
            self._report_exit(worker)

    def _report_exit(self, worker: RunnableWorker, *, failed: bool = False) -> None:
        in_burst = worker.settings.burst and self._stop_asked_s is None
        self._channel.send(Exiting("burst" if in_burst else "drained", worker.interrupted_runs, failed))

    async def _send_heartbeats(self, worker: RunnableWorker) -> None:
        while True:
            enable_own_loggers()  # a hook or a job may have set logging up
            self._channel.send(worker.heartbeat())
            await asyncio.sleep(HEARTBEAT_S)

    def _report_ready(self) -> None:
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
        # A signal and the supervisor's message are one request.
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

    def _follow_supervisor(self) -> None:
        """Reads the supervisor's messages in a thread, so that even a hung worker notices its supervisor's death."""
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
        # The worker must end even if its event loop hangs; otherwise it would renew the leases of its jobs forever.
        # This timer needs neither the event loop nor the GIL.
        faulthandler.dump_traceback_later(self._worker.settings.grace_s + ORPHAN_GRACE_S, exit=True)
        self._call(self._drain)

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the worker has ended
                self._loop.call_soon_threadsafe(function)


def main(build: WorkerFactory | None = None) -> None:
    """Runs the worker that the supervisor's first message describes, and exits.

    Args:
        build: creates the worker. Default: from the spec's target.
    """
    make_output_nonblocking()
    faulthandler.enable()
    channel = WorkerEnd(socket.socket(fileno=int(sys.argv[sys.argv.index("--control-fd") + 1])))
    FORK_GUARD.close_in_forks(channel)
    FORK_GUARD.install()
    messages = channel.messages()
    start = next(messages, None)
    if not isinstance(start, Start):
        sys.exit(0)  # the supervisor is already gone
    _set_import_path(start)
    sys.exit(WorkerMain(start.spec, channel, messages).run(build or build_worker))


def build_worker(spec: WorkerSpec, on_ready: Callable[[], None]) -> RunnableWorker:
    """Creates the worker for a spec's target.

    Raises:
        MonarqError: there is no such target, or its settings are wrong.
    """
    from monarq.workers.process.target_loader import load_target

    overrides = spec.overrides | {"log": spec.log} | ({} if spec.warns_for_pool else {"preflight_warnings": False})
    loaded = load_target(
        spec.target or "",
        spec.redis_url,
        overrides,
        [_loader_at(path) for path in spec.loaders],
        by_attribute(spec.project),
    )
    loaded.background.append(ReadinessNotifier(on_ready))
    worker = loaded.worker(warns=spec.warns_for_pool)
    worker.restarts = spec.restarts
    worker.use_dedicated_process()
    return worker


def _loader_at(path: str) -> TargetLoader:
    return cast("TargetLoader", import_object(path))


def _set_import_path(start: Start) -> None:
    sys.path[:] = start.sys_path
    os.environ.pop("PYTHONPATH", None)
    if start.python_path is not None:
        os.environ["PYTHONPATH"] = start.python_path


def exit_out_of_memory(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's exception handler: a worker that is out of memory must end, so that its jobs are released."""
    if isinstance(context.get("exception"), MemoryError):
        os._exit(OUT_OF_MEMORY)
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
    """Handles SIGHUP, which is for the supervisor; if it were ignored, processes of jobs would ignore it too."""
