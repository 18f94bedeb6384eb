"""Everything that a queue holds about one job: its info, its payload, its result, and who ran it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from monarq.producer.results.handle import Handle, queue_of, tracker_of
from monarq.producer.results.job_info import JobInfo, describe_job
from monarq.shared.errors import JobFailedError
from monarq.shared.formats.choice.producers import StoredJob, read_stored_job
from monarq.shared.payloads.payload import Payload
from monarq.shared.payloads.result import Result
from monarq.shared.text.error_text import type_name_of
from monarq.shared.text.traceback_text import traceback_text


class _Letter(msgspec.Struct):
    worker: str = ""
    error_type: str = ""
    traceback: str = ""


_LETTER: Final = msgspec.json.Decoder(_Letter, strict=False)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """Everything that is known about a job.

    Attributes:
        info: its state, times and tries.
        payload: its payload; None if it is gone, or is too large to be read.
        result: how it ended; None if it has not ended.
        history: the notes about its retries, crashes and so on, oldest first.
        worker: the id of the worker that runs it or that died with it; '' if unknown.
        error_type: the class of its exception, without the module for a builtin; '' if it did not fail.
        traceback: the worker's traceback as text.
    """

    info: JobInfo
    payload: Payload | None
    result: Result | None
    history: tuple[bytes, ...]
    worker: str
    error_type: str
    traceback: str


async def read_record(handle: Handle[Any]) -> JobRecord | None:
    """Reads everything that is known about a job; None if nothing is.

    Raises:
        PayloadError: its payload or result cannot be read; see `Handle.result`.
        MonarqError: Redis cannot be reached.
    """
    tracker, queue, job_id = tracker_of(handle), queue_of(handle), handle.job_id
    stored = await tracker.repeat(partial(read_stored_job, tracker.redis, queue.ref, job_id))
    result = None
    if stored.facts.state is None and stored.facts.result_bytes is not None:
        result = await tracker.find_result(queue, job_id)
    info = describe_job(job_id, queue.ref, stored.facts, result)
    if info is None:
        return None
    payload = Payload.read(stored.payload, tracker.codecs, job_id.encode()) if stored.payload else None
    letter = _letter_of(stored, result)
    history = tuple(stored.facts.history)
    return JobRecord(info, payload, result, history, info.worker or letter.worker, letter.error_type, letter.traceback)


def _letter_of(stored: StoredJob, result: Result | None) -> _Letter:
    """The worker's note in the job's dead letter; without one, the error in the job's result."""
    if stored.letter is not None:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # written by another version
            return _LETTER.decode(stored.letter.letter)
    if result is None or result.success or result.was_cancelled or not isinstance(result.value, BaseException):
        return _Letter()
    raised = result.value
    if isinstance(raised, JobFailedError):
        return _Letter("", raised.type_name, raised.traceback)
    return _Letter("", type_name_of(raised), traceback_text(raised))
