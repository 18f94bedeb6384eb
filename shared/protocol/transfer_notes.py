"""What moves note in Redis, and what scripts tell a run: a mark of each job that has arrived, codes, refusals."""

from __future__ import annotations

from typing import Any, Final

from monarq.shared.errors import MoveRefusedError
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import DropAnswer, Dropped, MovedJob

_TAKEN_OVER: Final = -1


def mark_prefix(source: QueueRef) -> bytes:
    """What the marks of a source's jobs begin with, and no other's: its length tells where the name ends."""
    name = source.name.encode("utf-8", "surrogateescape")
    return b"move:%s:%d:%s:" % (source.format.encode(), len(name), name)


def mark_of(source: QueueRef, job: MovedJob) -> bytes:
    """The mark of one job: neither another job nor a later one of its id has it."""
    return b"%s%s:%s" % (mark_prefix(source), job.raw_id, job.digest[:16].encode())


def target_note(queue: QueueRef) -> str:
    """A queue as its name is noted where jobs are moved to it; see `read_target`."""
    return f"{queue.format}:{queue.name}"


def read_target(noted: str) -> QueueRef:
    """The queue that a note names."""
    its_format, _, name = noted.partition(":")
    return QueueRef(name, "arq" if its_format == "arq" else "native")


def describe_queue(queue: QueueRef) -> str:
    """A queue in words, with its format."""
    return f"the native queue {queue.name}" if queue.format == "native" else f"queue {queue.name} in arq's format"


def moved_elsewhere(source: QueueRef, target: QueueRef) -> MoveRefusedError:
    """The error where a move to another queue has not ended."""
    return MoveRefusedError(
        f"a move of {source.label} to {describe_queue(target)} was interrupted and may have left jobs in both: run"
        " that one again first"
    )


def reply_of_run(source: QueueRef, reply: list[Any]) -> list[Any]:
    """The reply to a run.

    Raises:
        MoveRefusedError: another run has taken over.
    """
    if reply and reply[0] == _TAKEN_OVER:
        raise MoveRefusedError(f"another `monarq queues move` has taken over the move of {source.label}")
    return reply


def read_drop(code: bytes) -> DropAnswer:
    """What happened to a job at its source, from the code of both formats' scripts."""
    if code.startswith(b"a"):
        return DropAnswer(Dropped.ASKED, code[1:])
    return DropAnswer(Dropped(int(code)))


def still_moving(source: QueueRef) -> MoveRefusedError:
    """The error where a queue cannot be resumed."""
    return MoveRefusedError(
        f"{source.label} cannot be resumed: a move of its jobs has not ended, and what was moved last could run twice;"
        " run `monarq queues move` again to its end first"
    )


def moving_itself(target: QueueRef) -> MoveRefusedError:
    """The error where the target's own jobs are being moved."""
    return MoveRefusedError(
        f"the jobs of {target.label} are being moved to another queue themselves: let that move come to its end first"
    )
