"""`Queue`: a queue's name, format and options, for where a name alone is not enough."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Final, overload

from monarq.shared.errors import SettingsError
from monarq.shared.options.retry import RetryOption
from monarq.shared.options.run_options import RunOptions
from monarq.shared.parsing import Duration
from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, FORMATS, Format, QueueRef
from monarq.shared.validation import check_name, check_text

_NOT_NATIVE: Final = frozenset("{}~")
"""Braces would change the hash tag of a native queue's keys, and a tilde separates the number of a shard."""


MOST_SHARDS: Final = 256
"""More would not help: each worker of the queue polls every shard."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. It can be passed wherever a queue's name can; a name alone means a native queue.

    Attributes:
        name: its name, at most 250 bytes. The name of a native queue must not contain ``{``, ``}`` or ``~``.
        format: "native", or "arq" for queues that are shared with arq's clients and workers. Two queues with the same
            name and different formats are unrelated.
        shards: the number of shards, at most 256. A worker whose jobs or settings declare it applies it at its start.
            Only a native queue can have more than one. Default: unchanged; a new queue has one.
        timeout: the `Duration` that a run may take, for jobs that do not set their own; 0 for no limit. This and the
            options below are used by workers that find them in their settings or in ``@job(queue=...)``. Default: the
            worker's.
        retry: how its jobs are retried after an exception; see ``@job``. Default: the worker's.
        max_tries: the maximum number of tries of its jobs. Default: the worker's.
        keep_result: the `Duration` to keep their results. Default: the worker's.

    Raises:
        SettingsError: the name, the format, the number of shards or an option is invalid.
    """

    name: str
    _: KW_ONLY
    format: Format = "native"
    shards: int | None = None
    timeout: Duration | None = None
    retry: RetryOption | None = None
    max_tries: int | None = None
    keep_result: Duration | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise SettingsError(f"there is no queue format {self.format!r}; the formats are {', '.join(FORMATS)}")
        if self.name is None:
            raise SettingsError("a queue needs a name")
        check_ref(QueueRef(self.name, self.format), "a queue's name")
        if self.shards is not None:
            check_shards(self.shards, self.format)
        options = self.options
        object.__setattr__(self, "timeout", options.timeout_s)
        object.__setattr__(self, "retry", options.retry)
        object.__setattr__(self, "keep_result", options.keep_result_s)

    @property
    def options(self) -> RunOptions:
        """The options that it sets for the runs of its jobs."""
        return RunOptions.read(
            timeout=self.timeout, retry=self.retry, max_tries=self.max_tries, keep_result=self.keep_result
        )

    def __str__(self) -> str:
        return self.name


def check_shards(shards: object, its_format: Format = "native") -> None:
    """Checks a number of shards.

    Raises:
        SettingsError: it is not a number, is out of range, or the queue is in arq's format.
    """
    if isinstance(shards, bool) or not isinstance(shards, int) or not 1 <= shards <= MOST_SHARDS:
        raise SettingsError(f"shards is {shards!r}: give a whole number from 1 to {MOST_SHARDS}")
    if its_format != "native":
        raise SettingsError("shards: a queue in arq's format cannot have shards; only native queues can")


@overload
def to_ref(queue: None) -> None: ...
@overload
def to_ref(queue: str | Queue | QueueRef) -> QueueRef: ...
@overload
def to_ref(queue: str | Queue | QueueRef | None) -> QueueRef | None: ...
def to_ref(queue: str | Queue | QueueRef | None) -> QueueRef | None:
    """The queue that a caller gave, unchecked. A name alone means one in `DEFAULT_FORMAT`; None stays None."""
    if queue is None or isinstance(queue, QueueRef):
        return queue
    if isinstance(queue, Queue):
        return QueueRef(queue.name, queue.format)
    return QueueRef(queue, DEFAULT_FORMAT)


@overload
def checked_ref(queue: None, what: str = "queue") -> None: ...
@overload
def checked_ref(queue: str | Queue | QueueRef, what: str = "queue") -> QueueRef: ...
@overload
def checked_ref(queue: str | Queue | QueueRef | None, what: str = "queue") -> QueueRef | None: ...
def checked_ref(queue: str | Queue | QueueRef | None, what: str = "queue") -> QueueRef | None:
    """As `to_ref`, but checked.

    Args:
        queue: the queue; None if none was given.
        what: the option that it was given as, for the error.

    Raises:
        SettingsError: the name is invalid.
    """
    ref = to_ref(queue)
    if ref is not None and not isinstance(queue, Queue):  # a `Queue` was checked when it was made
        check_ref(ref, what)
    return ref


def check_ref(ref: QueueRef, what: str, *, any_arq_name: bool = False) -> None:
    """Checks the name of a queue.

    Args:
        ref: the queue.
        what: what the name stands for, for the error.
        any_arq_name: accept names of queues in arq's format that arq accepts and monarq would refuse.

    Raises:
        SettingsError: the name is invalid.
    """
    if any_arq_name and ref.format == "arq":
        check_text(ref.name, what)
        return
    check_name(ref.name, what)
    if ref.format == "native" and not _NOT_NATIVE.isdisjoint(ref.name):
        raise SettingsError(f"{what} is {ref.name!r}: the name of a native queue must not contain {{, }} or ~")
