"""What moves store in Redis, and what scripts reply to a run: marks of moved jobs, codes, refusals."""

from __future__ import annotations

from typing import Any, Final

from monarq.shared.errors import MoveRefusedError
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import DropAnswer, Dropped, MovedJob

_TAKEN_OVER: Final = -1


def mark_prefix(source: QueueRef) -> bytes:
    """The prefix of the marks of a source's jobs. It contains the name's length, so that it is unambiguous."""
    name = source.name.encode("utf-8", "surrogateescape")
    return b"move:%s:%d:%s:" % (source.format.encode(), len(name), name)


def mark_of(source: QueueRef, job: MovedJob) -> bytes:
    """The mark of one job, different from those of all others, including later jobs with the same id."""
    return b"%s%s:%s" % (mark_prefix(source), job.raw_id, job.digest[:16].encode())


def target_note(queue: QueueRef) -> str:
    """A queue as it is recorded at the source of a move; see `read_target`."""
    return f"{queue.format}:{queue.name}"


def read_target(noted: str) -> QueueRef:
    """The queue in such a record."""
    its_format, _, name = noted.partition(":")
    return QueueRef(name, "arq" if its_format == "arq" else "native")


def describe_queue(queue: QueueRef) -> str:
    """A description of a queue with its format."""
    return f"the native queue {queue.name}" if queue.format == "native" else f"queue {queue.name} in arq's format"


def moved_elsewhere(source: QueueRef, target: QueueRef) -> MoveRefusedError:
    """The error if a move to another queue has not ended."""
    return MoveRefusedError(
        f"a move of {source.label} to {describe_queue(target)} was interrupted and may have left jobs in both: complete"
        " that move first"
    )


def reply_of_run(source: QueueRef, reply: list[Any]) -> list[Any]:
    """The reply to a run.

    Raises:
        MoveRefusedError: another run has taken over.
    """
    if reply and reply[0] == _TAKEN_OVER:
        raise MoveRefusedError(f"another `monarq queues move` has taken over the move of {source.label}: let it finish")
    return reply


def read_drop(code: bytes) -> DropAnswer:
    """What happened to a job at its source, from the code of both formats' scripts."""
    if code.startswith(b"a"):
        return DropAnswer(Dropped.ASKED, code[1:])
    return DropAnswer(Dropped(int(code)))


def still_moving(source: QueueRef) -> MoveRefusedError:
    """The error if a queue cannot be resumed."""
    return MoveRefusedError(
        f"{source.label} cannot be resumed: a move of its jobs has not ended, and the jobs moved last could run twice;"
        " complete `monarq queues move` first"
    )


def moving_itself(target: QueueRef) -> MoveRefusedError:
    """The error if the target's own jobs are being moved."""
    return MoveRefusedError(
        f"the jobs of {target.label} are themselves being moved to another queue: complete that move first"
    )
