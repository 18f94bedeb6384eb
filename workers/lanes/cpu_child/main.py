"""The CPU child: `python -m monarq.workers.lanes.cpu_child <socket fd> <lifeline fd> <memory fd> <worker pid>`.

Each worker has one warm child process, which runs plain functions one at a time in its main thread. child_process.py
starts it and talks to it over the socket; stdout and stderr belong to the jobs. It never outlives its worker. It
imports no event loop and no Redis client, so that it starts quickly.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial, reduce
from types import FunctionType
from typing import TYPE_CHECKING, cast

from monarq.shared.calls.return_value import check_return_value
from monarq.shared.jobs.declared_jobs import find_declared
from monarq.shared.text.error_text import error_text, limit_error_text, message_of, qualified_name
from monarq.shared.tracing.tracing import attach_context
from monarq.workers.lanes.child_protocol import (
    BROKEN_SOCKET_EXIT,
    CLOSE_FAILED_EXIT,
    PICKLE_PROTOCOL,
    CpuCall,
    Failure,
    Frame,
    FrameKind,
    Hello,
    Lead,
)
from monarq.workers.lanes.cpu_child.connection import BrokenConnectionError, WorkerConnection
from monarq.workers.lanes.cpu_child.contexts import CONTEXTS
from monarq.workers.lanes.cpu_child.process_setup import (
    die_with_worker,
    disable_stop_signals,
    raise_oom_score,
)
from monarq.workers.lanes.cpu_progress import OUTBOX
from monarq.workers.runs.current_job import CURRENT_JOB, WORKER_ID
from monarq.workers.runs.raised_error import RaisedError
from monarq.workers.system.forks import close_in_fork
from monarq.workers.system.memory import own_peak_bytes
from monarq.workers.system.output import make_output_nonblocking

if TYPE_CHECKING:
    from monarq.workers.config.log_settings import LogSettings

_CONNECTION = WorkerConnection()
"""It lives as long as the process; jobs use it through send_message()."""


def send_message(payload: object) -> None:
    """Sends `payload` from the running job to the worker, which passes it to the `on_message` of CpuLane.run().

    Any thread of the job may call it. Messages sent while no job runs are dropped.

    Raises:
        RuntimeError: this process is not a CPU child; a process forked by a job is not one.
        Exception: whatever pickling `payload` raises.
    """
    if not _CONNECTION.is_own:
        raise RuntimeError("send_message() works only in a job of the CPU lane, in the process that runs the job")
    _CONNECTION.send(FrameKind.MESSAGE, payload)


def main() -> None:
    """Sets the process up, tells the worker that it is ready, and runs jobs until the worker closes the socket."""
    socket_fd, lifeline_fd, memory_fd, worker_pid = (int(argument) for argument in sys.argv[1:5])
    del sys.argv[1:]
    make_output_nonblocking()
    die_with_worker(lifeline_fd, worker_pid)
    faulthandler.enable()
    disable_stop_signals()
    raise_oom_score()
    _CONNECTION.open(socket_fd, lifeline_fd, memory_fd)
    os.register_at_fork(after_in_child=partial(close_in_fork, (socket_fd, lifeline_fd)))
    OUTBOX.connect(send_message)
    CONTEXTS.connect(lambda: _CONNECTION.should_stop)
    try:
        serve(_CONNECTION)
    except EOFError:
        sys.exit(close_resources())
    except BrokenConnectionError:
        sys.exit(BROKEN_SOCKET_EXIT)


def close_resources() -> int:
    """Closes what the lifespans have opened; prints an exception of that, and returns the exit code."""
    try:
        CONTEXTS.close()
    except BaseException as error:  # noqa: BLE001 - a lifespan may raise anything, SystemExit too
        from monarq.shared.text.printable import printable_lines  # deferred, as in failure_of
        from monarq.shared.text.traceback_text import traceback_text

        told = f"monarq: cpu_lifespan raised an exception when it closed:\n{traceback_text(error)}"
        with suppress(OSError, ValueError):
            sys.stderr.write(printable_lines(told))
        return CLOSE_FAILED_EXIT
    finally:
        _CONNECTION.close()
    return 0


def serve(connection: WorkerConnection) -> None:
    """Runs one job after the other; EOFError if the worker has closed its end."""
    prepare(connection)
    while connection.is_intact():
        run_job(connection)


def prepare(connection: WorkerConnection) -> None:
    """Adopts the worker's settings and preloads its modules; EOFError if that failed and was reported."""
    hello = cast("Hello", connection.receive().load())
    sys.path[:] = hello.sys_path
    os.environ.pop("PYTHONPATH", None)
    if hello.python_path is not None:
        os.environ["PYTHONPATH"] = hello.python_path
    WORKER_ID.set(hello.worker_id)
    CONTEXTS.producer_options = hello.producer
    limit_error_text(hello.max_error_text)
    try:
        preload(hello.preload, hello.log)
        if hello.lifespans or hello.jobs_with_resources:
            from monarq.workers.lanes.cpu_child.child_resources import open_resources  # deferred: most need none

            open_resources(hello, CONTEXTS)
    except BaseException as error:
        connection.send(FrameKind.FAILURE, failure_of(error))
        raise EOFError from error
    gc.freeze()  # modules live as long as the process: collections need not scan them again
    connection.send(FrameKind.READY, own_peak_bytes())


def preload(modules: Sequence[str], log: LogSettings | None) -> None:
    """Imports the modules; sets logging up before and after, as the worker does."""
    if log is not None:
        from monarq.workers.reporting.log_setup import (  # deferred: not every child needs it
            configure_logging,
            configure_root_logging,
        )

        configure_logging(log)
    for module in modules:
        importlib.import_module(module)
    if log is not None:
        configure_root_logging(log)


def run_job(connection: WorkerConnection) -> None:
    """Runs the next call and sends its outcome."""
    reply = outcome_of(connection, connection.receive())
    if not connection.is_own:
        # The function forked, and both processes returned from it: only one may answer.
        os._exit(1)
    flush_streams()
    OUTBOX.finish()
    connection.write(reply)


def outcome_of(connection: WorkerConnection, frame: Frame) -> bytes:
    """Runs one call; returns the frame with its outcome."""
    try:
        call = cast("CpuCall", frame.load())
    except Exception as error:  # noqa: BLE001 - unpickling runs the user's code, which may raise anything
        return connection.pickle(FrameKind.UNPICKLABLE, ("arguments", error_text(error)))
    del frame  # a big one must not be held for as long as the job runs
    try:
        # Context variables set by a job must not be visible to the next one.
        result = copy_context().run(call_function, call)
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like end the job, not this process
        return connection.pickle(FrameKind.FAILURE, failure_of(error, retry_on_of(call)))
    try:
        return connection.pickle(FrameKind.RESULT, result)
    except Exception as error:  # noqa: BLE001 - pickling runs the user's code, which may raise anything
        return connection.pickle(FrameKind.UNPICKLABLE, ("result", error_text(error)))


def call_function(call: CpuCall) -> object:
    """Finds the function and calls it.

    Raises:
        CpuUnreachableError: importing its module does not declare the job.
        TypeError: it returned a coroutine or a generator, so its work was not done.
        BaseException: whatever the import or the function raises.
    """
    target = find_target(call)
    if not isinstance(target, FunctionType):
        target = getattr(target, "worker_callable", target)
    if not callable(target):
        raise TypeError(f"{call.module}.{call.qualname} is not callable")
    if call.has_resources and call.job is not None:
        from monarq.workers.lanes.cpu_child.child_resources import function_of

        target = function_of(call.job.name)
    CURRENT_JOB.set(call.job)
    context = () if call.context is None else (_lead_of(call),)
    with attach_context(call.trace):
        result: object = target(*context, *call.args, **call.kwargs)
    return check_return_value(result, f"{call.module}.{call.qualname}")


def _lead_of(call: CpuCall) -> object:
    """The first argument of a call."""
    if call.context is Lead.CONTEXT and call.job is not None:
        return CONTEXTS.context_of(call.job)
    return call.context


def find_target(call: CpuCall) -> object:
    """The function of a call: the declared job's, or the attribute at the call's path."""
    target: object = importlib.import_module(call.module)
    if call.declared is None:
        return reduce(getattr, call.qualname.split("."), target)
    known = find_declared(call.declared)
    if known is None:
        from monarq.workers.runs.cpu_errors import CpuUnreachableError  # deferred: most children never need it

        raise CpuUnreachableError(call.module, call.qualname)
    return known.job


def retry_on_of(call: CpuCall) -> tuple[type[BaseException], ...]:
    """The exceptions that decide whether the call's job is retried, if it declares any."""
    known = None if call.job is None else find_declared(call.job.name)
    if known is None:
        return ()
    from monarq.shared.jobs.job import declared_options  # deferred; the job's module has already loaded it

    declared = declared_options(known.job)
    return declared.retry_on + declared.give_up_on


def failure_of(error: BaseException, retry_on: tuple[type[BaseException], ...] = ()) -> Failure:
    """An exception ready to be sent; one with a meaning for coroutines, such as a cancellation, is sent as text."""
    # Deferred: most children never need them, and they would slow the start.
    from monarq.shared.payloads.error_pickle import pickle_error
    from monarq.shared.payloads.remote_error import inspectable
    from monarq.shared.text.traceback_text import traceback_text

    error = inspectable(error)
    pickled = None
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        pickled = pickle_error(error, PICKLE_PROTOCOL)
    described = (qualified_name(type(error)), message_of(error), traceback_text(error))
    return Failure(*described, pickled, RaisedError.of(error, retry_on))


def flush_streams() -> None:
    """Flushes the job's output before its result is sent, so that a later kill loses none of it."""
    for stream in (sys.stdout, sys.stderr):
        # A job may have closed or replaced its stdout, or its reader may be gone.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
