"""The settings of a worker: one frozen object with all defaults, created once and passed down."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final

from monarq.shared.clock import moment
from monarq.shared.errors import SettingsError
from monarq.shared.options.retry import RetryFunction, RetryWaits, checked_retry
from monarq.shared.options.run_options import NO_OPTIONS, RunOptions
from monarq.shared.parsing import to_count, to_kept_seconds, to_seconds
from monarq.shared.payloads.codec import DEFAULT_MAX_PAYLOAD, DEFAULT_MAX_RESULT, Codecs
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, QueueRef
from monarq.shared.queue import Queue, check_ref, to_ref
from monarq.shared.text.error_text import DEFAULT_MAX_ERROR_TEXT
from monarq.workers.config.app_parts import AppParts
from monarq.workers.config.log_settings import LogSettings
from monarq.workers.events.listener import Listener
from monarq.workers.runs.outcome import OutcomePolicy
from monarq.workers.runs.rejection import RejectionPolicy
from monarq.workers.runs.run import ActiveRun

Hook = Callable[[dict[Any, Any]], Awaitable[Any]]
DAY_S: Final = 86_400.0

_COUNTS: Final = (
    *("concurrency", "threads", "cpu_jobs_per_child", "max_crashes"),
    *("max_payload", "max_result", "max_error_text", "max_dead"),
)
_LEAST_S: Final = {
    "lease_s": 0.2,  # a lease that expires before it can be renewed lets its job run twice
    "poll_s": 0.001,  # a shorter one would keep the worker busy polling
    "keep_dead_s": 0.001,  # Redis keeps keys for a millisecond or more
    "keep_unknown_s": 0.0,
    "keep_result_s": 0.0,
    "timeout_s": 0.0,
    "grace_s": 0.0,
}


def describe(run: ActiveRun) -> dict[str, Any]:
    """The fields of a run for the ctx dict of its job."""
    return {
        "job_id": run.lease.job_id,
        "job_try": run.job_try,
        "enqueue_time": moment(run.payload.enqueue_ms),
        "score": run.lease.due_ms,
    }


@dataclass(frozen=True, slots=True)
class Hooks:
    """The user's hooks, called with the ctx dict of the worker or of a job; None: no hook.

    Attributes:
        describe: returns the fields of a run for the ctx dict of its job.
        startup: called before the first job is claimed.
        shutdown: called after the last job has ended.
        job_start: called before each job.
        job_end: called after each job, before its end is recorded.
        after_job_end: called once the end has been passed on to be recorded.
    """

    describe: Callable[[ActiveRun], dict[str, Any]] = describe
    startup: Hook | None = None
    shutdown: Hook | None = None
    job_start: Hook | None = None
    job_end: Hook | None = None
    after_job_end: Hook | None = None


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """All settings of a worker process. Times are in seconds.

    Attributes:
        queues: the queues that it serves, each once. Names and instances of `monarq.Queue` are accepted too.
        concurrency: how many io jobs it runs at once.
        threads: how many thread jobs it runs at once, within `concurrency`.
        thread_executor: runs the calls of thread jobs. Default: threads of the worker's own.
        cpu_jobs_per_child: cpu jobs after which the child process is replaced.
        cpu_memory_bytes: the memory limit of cpu jobs that declare none.
        timeout_s: the timeout of jobs that declare none; 0 for no limit.
        retry: the retry policy of jobs that declare none; None: retry only after `Retry`.
        max_tries: how often jobs that do not declare it are tried. Default: 5, or the retries plus one if that is more.
        keep_result_s: how long results are kept; 0: not at all, infinity: forever.
        queue_options: the options of queues for the runs of their jobs.
        lease_s: how long a worker that does not renew its leases keeps its jobs.
        poll_s: how often an idle worker polls for jobs that did not wake it, such as those of arq's clients.
        grace_s: how long running jobs may continue after SIGTERM.
        max_payload: bytes; a larger payload is not decoded.
        max_result: bytes; a job with a larger result fails.
        max_error_text: characters; longer error texts are cut wherever they are logged, kept or sent.
        max_crashes: the number of crashes after which a job becomes a dead letter.
        keep_unknown_s: how long a job with an unknown name waits before it becomes a dead letter; 0: not at all.
        keep_dead_s: how long dead letters are kept.
        max_dead: how many dead letters a queue keeps.
        codecs: the formats that are read and written.
        allow_cancel: whether requests to cancel jobs are carried out.
        burst: exit once no job is left.
        max_burst_jobs: in burst mode, exit after this many runs; -1 for no limit.
        hooks: the user's hooks.
        listeners: the user's own listeners, which get events in addition to the log.
        preflight_warnings: whether to warn at startup that it waits for Redis, and that Redis can lose jobs.
        redis_wait_s: how long to wait at startup for a Redis that does not answer; by default forever.
        log: how the cpu child logs: like its worker. None leaves that to the program.
        outcomes: decides the outcome of runs that raised or were stopped.
        rejections: the errors of jobs that cannot be run.
        shards: the number of shards of native queues, by name, in addition to what `queues` and jobs declare.
        any_queue_name: accept every queue name that arq accepts, even those that monarq would refuse.
        app: what an application object provides.
        one_process: run one worker process, however many cores there are, because the program was written for one.
    """

    queues: tuple[QueueRef, ...] = (QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT),)
    concurrency: int = 100
    threads: int = 32
    thread_executor: Executor | None = None
    cpu_jobs_per_child: int = 1000
    cpu_memory_bytes: int | None = None
    timeout_s: float = 300.0
    retry: RetryWaits | RetryFunction | None = None
    max_tries: int | None = None
    keep_result_s: float = 3600.0
    queue_options: Mapping[QueueRef, RunOptions] = field(default_factory=dict)
    lease_s: float = 15.0
    poll_s: float = 0.5
    grace_s: float = 20.0
    max_payload: int = DEFAULT_MAX_PAYLOAD
    max_result: int = DEFAULT_MAX_RESULT
    max_error_text: int = DEFAULT_MAX_ERROR_TEXT
    max_crashes: int = 3
    keep_unknown_s: float = 3600.0
    keep_dead_s: float = 7 * DAY_S
    max_dead: int = 10_000
    codecs: Codecs = field(default_factory=Codecs)
    allow_cancel: bool = True
    burst: bool = False
    max_burst_jobs: int = -1
    hooks: Hooks = field(default_factory=Hooks)
    listeners: Sequence[Listener] = ()
    preflight_warnings: bool = True
    redis_wait_s: float = math.inf
    log: LogSettings | None = None
    outcomes: OutcomePolicy = field(default_factory=OutcomePolicy)
    rejections: RejectionPolicy = field(default_factory=RejectionPolicy)
    shards: Mapping[str, int] = field(default_factory=dict)
    any_queue_name: bool = False
    one_process: bool = False
    app: AppParts = field(default_factory=AppParts)

    def __post_init__(self) -> None:
        """Checks what can be checked without Redis.

        Raises:
            SettingsError: a value is invalid; the message names it.
        """
        for name in _COUNTS:
            to_count(getattr(self, name), name, least=1)
        if self.cpu_memory_bytes is not None:
            to_count(self.cpu_memory_bytes, "cpu_memory_bytes", least=1)
        for name, least_s in _LEAST_S.items():
            read = to_kept_seconds if name == "keep_result_s" else to_seconds
            seconds = read(getattr(self, name), name)
            if seconds is None or seconds < least_s:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be {least_s:g} or more")
            object.__setattr__(self, name, seconds)
        if self.max_tries is not None:
            to_count(self.max_tries, "max_tries", least=1)
        object.__setattr__(self, "retry", checked_retry(self.retry))
        _check_listeners(self.listeners)
        given: Any = self.queues  # may be names and instances of `Queue`
        object.__setattr__(self, "queues", _refs(given))
        numbers = [(queue.name, queue.shards) for queue in given if isinstance(queue, Queue)]
        object.__setattr__(self, "shards", add_shards(self.shards, numbers))
        said = [(to_ref(queue), queue.options) for queue in given if isinstance(queue, Queue)]
        object.__setattr__(self, "queue_options", add_queue_options(self.queue_options, said))
        for queue in self.queues:
            check_ref(queue, "a queue's name", any_arq_name=self.any_queue_name)

    @property
    def run_options(self) -> RunOptions:
        """The defaults for the runs of jobs, which jobs and queues may override."""
        return RunOptions(self.timeout_s, self.keep_result_s, self.max_tries, self.retry)


def add_shards(known: Mapping[str, int], declared: Iterable[tuple[str, int | None]]) -> dict[str, int]:
    """The number of shards by queue, including the declared ones.

    Raises:
        SettingsError: two declarations of a queue differ.
    """
    numbers = dict(known)
    for name, shards in declared:
        if shards is not None and numbers.setdefault(name, shards) != shards:
            raise SettingsError(
                f"queue {name} is declared with {numbers[name]} shards and with {shards}: give one number"
            )
    return numbers


def add_queue_options(
    known: Mapping[QueueRef, RunOptions], declared: Iterable[tuple[QueueRef, RunOptions]]
) -> dict[QueueRef, RunOptions]:
    """The options of queues for the runs of their jobs, including the declared ones.

    Raises:
        SettingsError: two declarations of a queue differ.
    """
    options = dict(known)
    for queue, said in declared:
        if said != NO_OPTIONS and options.setdefault(queue, said) != said:
            raise SettingsError(
                f"queue {queue} is declared with {options[queue]} and with {said}: declare its options once, and use"
                " this Queue, or its name, everywhere"
            )
    return options


def _refs(queues: object) -> tuple[QueueRef, ...]:
    if not isinstance(queues, (list, tuple)) or isinstance(queues, QueueRef) or not queues:
        raise SettingsError(f"queues is {queues!r}: give a list with at least one queue")
    for queue in queues:
        if not isinstance(queue, (str, Queue, QueueRef)):
            raise SettingsError(f"queues: {queue!r} is not a queue: give names or instances of monarq.Queue")
    return tuple(dict.fromkeys(map(to_ref, queues)))


def _check_listeners(listeners: object) -> None:
    if not isinstance(listeners, (list, tuple)):
        raise SettingsError(f"listeners is {listeners!r}: give a list of instances of monarq.Listener")
    for listener in listeners:
        if not isinstance(listener, Listener):
            raise SettingsError(
                f"listeners: {listener!r} is not a listener: give instances of subclasses of monarq.Listener"
            )
