"""`Queue`: a queue by its name and format, as programs name it where the name alone does not say enough."""

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
"""Braces would move the tag of a native queue's keys, and a tilde stands before the number of a shard."""


MOST_SHARDS: Final = 256
"""More are no use: each worker of the queue looks into each of them."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, for wherever a queue's name is taken as well. A name alone means a native queue.

    Attributes:
        name: its name, at most 250 bytes; that of a native queue holds none of ``{ } ~``.
        format: "native", or "arq" for queues that arq's clients and workers use too. Two queues of one name and
            different formats have nothing in common.
        shards: over how many shards it is spread, at most 256: a worker whose jobs or settings say so sees to it at its
            start. Only a native queue may have several. Default: as many as it has, which is one at first.
        timeout: the `Duration` that a run of its jobs may take that do not say so themselves; 0 for no limit. This and
            what follows are the worker's, which finds them in its settings or in ``@job(queue=...)``. Default: the
            worker's.
        retry: when its jobs are tried again after an exception; see ``@job``. Default: the worker's.
        max_tries: how often they are tried in all. Default: the worker's.
        keep_result: the `Duration` that their results are kept. Default: the worker's.

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
            raise SettingsError(f"there is no format {self.format!r} of a queue; there are {', '.join(FORMATS)}")
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
        """What it says of the runs of its jobs."""
        return RunOptions.read(
            timeout=self.timeout, retry=self.retry, max_tries=self.max_tries, keep_result=self.keep_result
        )

    def __str__(self) -> str:
        return self.name


def check_shards(shards: object, its_format: Format = "native") -> None:
    """Checks a number of shards.

    Raises:
        SettingsError: it is not a number, too small or too large, or the queue is in arq's format.
    """
    if isinstance(shards, bool) or not isinstance(shards, int) or not 1 <= shards <= MOST_SHARDS:
        raise SettingsError(f"shards is {shards!r}: give a whole number from 1 to {MOST_SHARDS}")
    if its_format != "native":
        raise SettingsError("shards: a queue in arq's format cannot be spread; only native queues can")


@overload
def to_ref(queue: None) -> None: ...
@overload
def to_ref(queue: str | Queue | QueueRef) -> QueueRef: ...
@overload
def to_ref(queue: str | Queue | QueueRef | None) -> QueueRef | None: ...
def to_ref(queue: str | Queue | QueueRef | None) -> QueueRef | None:
    """The queue that a caller named, unchecked; a name alone is of one in `DEFAULT_FORMAT`, and None stays None."""
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
    """The same, checked.

    Args:
        queue: the queue; None where none was given.
        what: the option that names it, for the error.

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
        what: what it names, for the error.
        any_arq_name: accept names of queues in arq's format that monarq itself would refuse, as arq does.

    Raises:
        SettingsError: the name is invalid.
    """
    if any_arq_name and ref.format == "arq":
        check_text(ref.name, what)
        return
    check_name(ref.name, what)
    if ref.format == "native" and not _NOT_NATIVE.isdisjoint(ref.name):
        raise SettingsError(f"{what} is {ref.name!r}: the name of a native queue holds none of {{ }} ~")
