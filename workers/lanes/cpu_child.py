"""The CPU child: `python -m monarq.workers.lanes.cpu_child <socket fd> <lifeline fd> <begun fd> <worker pid>`.

A warm process beside each worker that runs plain functions one at a time, in its main thread. child_process.py starts
it and talks to it over the socket; stdout and stderr belong to the jobs. It never outlives its worker. It imports no
event loop and no Redis, so that it is ready at once.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import resource
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
from monarq.workers.lanes.child_link import SpoiledLinkError, WorkerLink
from monarq.workers.lanes.child_progress import OUTBOX
from monarq.workers.lanes.child_setup import (
    die_with_worker,
    leave_stopping_to_worker,
    offer_to_oom_killer,
)
from monarq.workers.lanes.framing import (
    PICKLE_PROTOCOL,
    SPOILED_EXIT,
    Call,
    Failure,
    Frame,
    Hello,
    Kind,
)
from monarq.workers.runs.current_job import JOB, WORKER_ID
from monarq.workers.runs.raised import RaisedError
from monarq.workers.system.forks import close_in_fork
from monarq.workers.system.output import never_wait_for_readers

if TYPE_CHECKING:
    from monarq.workers.config.log_settings import LogSettings

_MAXRSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


# The one object that lives as long as the process: user code reaches it through send_message(), by import.
_LINK = WorkerLink()


def send_message(payload: object) -> None:
    """Sends `payload` from the running job to the worker, which hands it to the `on_message` of CpuLane.run().

    Any thread of the job may call it. What is sent when no job runs is dropped.

    Raises:
        RuntimeError: this process is not a CPU child (a process that a job forked is none either).
        Exception: whatever pickling `payload` raises.
    """
    if not _LINK.ours:
        raise RuntimeError("send_message() works only in a job of the CPU lane, in the process that runs the job")
    _LINK.send(Kind.MESSAGE, payload)


def main() -> None:
    """Sets the process up, tells the worker that it is ready, and serves until the worker closes the socket."""
    socket_fd, lifeline_fd, begun_fd, worker_pid = (int(argument) for argument in sys.argv[1:5])
    del sys.argv[1:]
    never_wait_for_readers()
    die_with_worker(lifeline_fd, worker_pid)
    faulthandler.enable()
    leave_stopping_to_worker()
    offer_to_oom_killer()
    _LINK.open(socket_fd, lifeline_fd, begun_fd)
    os.register_at_fork(after_in_child=partial(close_in_fork, (socket_fd, lifeline_fd)))
    OUTBOX.connect(send_message)
    try:
        serve(_LINK)
    except EOFError:
        return
    except SpoiledLinkError:
        sys.exit(SPOILED_EXIT)


def serve(link: WorkerLink) -> None:
    """Runs one job after the other; EOFError when the worker has closed its end."""
    prepare(link)
    while link.is_whole():
        run_job(link)


def prepare(link: WorkerLink) -> None:
    """Takes over the worker's import path and imports what it asks for; EOFError when that failed and was told."""
    hello = cast("Hello", link.receive().load())
    sys.path[:] = hello.sys_path
    os.environ.pop("PYTHONPATH", None)
    if hello.python_path is not None:
        os.environ["PYTHONPATH"] = hello.python_path
    WORKER_ID.set(hello.worker_id)
    limit_error_text(hello.max_error_text)
    try:
        log_as(hello.log, hello.preload)
    except BaseException as error:
        link.send(Kind.FAILURE, failure_of(error))
        raise EOFError from error
    gc.freeze()  # what is imported stays as long as the process: no collection is to look at it again
    link.send(Kind.READY, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT_BYTES)


def log_as(log: LogSettings | None, modules: Sequence[str]) -> None:
    """Imports the modules and sets logging up around that, as the worker does."""
    if log is not None:
        from monarq.workers.reporting.log_setup import (  # put off: not all need it
            configure_logging,
            configure_root_logging,
        )

        configure_logging(log)
    for module in modules:
        importlib.import_module(module)
    if log is not None:
        configure_root_logging(log)


def run_job(link: WorkerLink) -> None:
    """Runs the next call and sends its outcome, whatever it is."""
    reply = outcome_of(link, link.receive())
    if not link.ours:
        # The function forked, and both processes came back from it: only one may answer.
        os._exit(1)
    flush_output()
    OUTBOX.finish()
    link.write(reply)


def outcome_of(link: WorkerLink, frame: Frame) -> bytes:
    """Runs one call; the frame that tells its outcome."""
    try:
        call = cast("Call", frame.load())
    except Exception as error:  # noqa: BLE001 - unpickling runs the user's code, which may raise anything
        return link.pickle(Kind.UNPICKLABLE, ("arguments", error_text(error)))
    del frame  # a big one is not to be held for as long as the job runs
    try:
        # What a job sets in its context is not for those after it.
        result = copy_context().run(call_function, call)
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like end the job, not this process
        return link.pickle(Kind.FAILURE, failure_of(error, retried_by(call)))
    try:
        return link.pickle(Kind.RESULT, result)
    except Exception as error:  # noqa: BLE001 - pickling runs the user's code, which may raise anything
        return link.pickle(Kind.UNPICKLABLE, ("result", error_text(error)))


def call_function(call: Call) -> object:
    """Finds the function and calls it.

    Raises:
        CpuUnreachableError: the import does not declare the job.
        TypeError: it has not done its work when it returns: it is an `async def`, or makes a generator.
        BaseException: whatever the import or the function raises.
    """
    target = find_target(call)
    if not isinstance(target, FunctionType):
        target = getattr(target, "worker_callable", target)
    if not callable(target):
        raise TypeError(f"{call.module}.{call.qualname} is not callable")
    JOB.set(call.job)
    context = () if call.context is None else (call.context,)
    with attach_context(call.trace):
        result: object = target(*context, *call.args, **call.kwargs)
    return check_return_value(result, f"{call.module}.{call.qualname}")


def find_target(call: Call) -> object:
    """What a call means: the declared job, or what stands at its path."""
    target: object = importlib.import_module(call.module)
    if call.declared is None:
        return reduce(getattr, call.qualname.split("."), target)
    known = find_declared(call.declared)
    if known is None:
        from monarq.workers.runs.cpu_errors import CpuUnreachableError  # put off: most children never need it

        raise CpuUnreachableError(call.module, call.qualname)
    return known.job


def retried_by(call: Call) -> tuple[type[BaseException], ...]:
    """What the call's job is tried again after, where it says so."""
    known = None if call.job is None else find_declared(call.job.name)
    policy = None if known is None else known.job.declared.retry
    return () if policy is None else policy.retry_on


def failure_of(error: BaseException, retry_on: tuple[type[BaseException], ...] = ()) -> Failure:
    """An exception made ready to travel; one that would mean something to the worker's coroutines goes as text only."""
    # Put off: most children never need them, and they would slow the start.
    from monarq.shared.payloads.error_pickle import pickle_error
    from monarq.shared.text.traceback_text import traceback_text

    pickled = None
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        pickled = pickle_error(error, PICKLE_PROTOCOL)
    told = (qualified_name(type(error)), message_of(error), traceback_text(error), pickled)
    return Failure(*told, RaisedError.of(error, retry_on))


def flush_output() -> None:
    """Passes on what the job printed, so that it is out when the result is, and a later kill loses none of it."""
    for stream in (sys.stdout, sys.stderr):
        # A job may have closed its stdout, lost its reader, or put something else in its place.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()


if __name__ == "__main__":
    # Under its own name, so that this module is loaded once for jobs that import send_message from it.
    from monarq.workers.lanes import cpu_child

    cpu_child.main()
