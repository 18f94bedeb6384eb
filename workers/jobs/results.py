"""Results: what is stored for a job that has ended, in arq's dict, and the dead letter of one that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from monarq.shared.conversion.form import LEAST_INT, MOST_INT
from monarq.shared.errors import ResultTypeError
from monarq.shared.options.run_options import keep_ms_of
from monarq.shared.payloads.codec import MSGPACK, Codec
from monarq.shared.payloads.payload import Payload
from monarq.shared.payloads.payload_head import PayloadHead, read_head
from monarq.shared.payloads.result import write_result
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.pages import HEAD_BYTES, TAIL_BYTES
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.run_groups import NO_LANES
from monarq.shared.protocol.worker_queue import WorkerQueue
from monarq.shared.text.error_text import error_text, type_name_of
from monarq.shared.text.traceback_text import traceback_text
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.runs.run import ActiveRun

UNKNOWN_NAME: Final = "<unknown>"


class ResultBuilder:
    """Builds the acknowledgements of jobs that have ended.

    Attributes:
        worker_id: the worker's name in Redis.
    """

    def __init__(
        self,
        worker_id: str,
        settings: WorkerSettings,
        queues: Mapping[QueueRef, WorkerQueue],
        lanes: Mapping[str, str] = NO_LANES,
    ) -> None:
        """Creates a builder; `lanes` are the lanes, by name, of jobs that do not run on the event loop."""
        self.worker_id = worker_id
        self._keep_calls = frozenset(ref for ref, queue in queues.items() if queue.keeps_calls)
        self._lanes = lanes
        self._settings = settings
        self._codecs = settings.codecs
        self._keep_dead_ms = round(settings.keep_dead_s * 1000)

    def of_value(self, run: ActiveRun, value: object) -> tuple[Finish, Exception | None]:
        """The end of a run that returned, and the error if its value has the wrong type or cannot be serialized."""
        kind = type(value)
        is_free = kind in run.job.free_results and (kind is not int or LEAST_INT <= value <= MOST_INT)  # type: ignore[operator]
        if not is_free and run.job.types is not None:
            try:
                # Other formats carry values themselves, and only the type is checked, as where no result is kept.
                is_converted = run.job.keep_ms >= 0 and run.payload.codec is MSGPACK
                form = run.job.types.result if is_converted else run.job.types.carried_result
                value = form.encode(value)
            except ResultTypeError as error:
                return self.of_error(run, error), error
        if run.job.keep_ms < 0:
            return Finish(run.lease, True, b"", -1, run.job.name, run_ms=run.ran_ms), None
        data, problem = self._write(run.lease, run.payload.codec, self._result(run, value, success=True))
        if problem is None:
            return Finish(run.lease, True, data, run.job.keep_ms, run.job.name, b"", 0, run.ran_ms), None
        return self._failed(run, data, problem), problem

    def of_error(self, run: ActiveRun, error: BaseException, *, dead: bool = True) -> Finish:
        """The end of a run that failed for good or was cancelled; a cancelled one leaves no dead letter."""
        data, _ = self._write(run.lease, run.codec, self._result(run, error, success=False))
        if dead:
            return self._failed(run, data, error)
        keep_ms = _kept_ms(data, run.job.keep_ms)
        return Finish(run.lease, False, data, keep_ms, run.job.name, run_ms=run.ran_ms, cancelled=True)

    def of_rejection(
        self, lease: Lease, payload: Payload | None, error: BaseException, now_ms: int, *, dead: bool
    ) -> Finish:
        """The end of a job that was never started."""
        name, enqueue_ms = read_name_and_time(lease, payload)
        result: dict[str, object] = {
            "t": self._settings.outcomes.next_try(lease, payload),
            "f": name,
            "et": enqueue_ms,
            "s": False,
            "r": error,
            "st": now_ms,
            "ft": now_ms,
        }
        if lease.queue in self._keep_calls:
            result |= _call(lease, payload.args if payload else (), payload.kwargs if payload else {})
        lane = self._lanes.get(name, lease.lane_queue)
        if lane != "io":
            result["lane"] = lane
        used = lease.tries + self._settings.outcomes.crash_tries(lease)
        data, _ = self._write(lease, self._codec_of(payload), result)
        letter = self._dead_letter(lease, lane, error, used, now_ms, now_ms, enqueue_ms) if dead else b""
        keep_ms = _kept_ms(data, self._default_keep_ms())
        return Finish(lease, False, data, keep_ms, name, letter, self._keep_dead_ms, cancelled=not dead)

    def _write(self, lease: Lease, codec: Codec, result: dict[str, object]) -> tuple[bytes, Exception | None]:
        data, problem = write_result(codec, result, self._settings.max_result, self._codecs.text_error)
        if data and self._codecs.signer is not None:
            data = self._codecs.seal(data, "result", lease.raw_id)
        return data, problem

    def _codec_of(self, payload: Payload | None) -> Codec:
        """The format of the result: the payload's, or the one that workers write if that could not be decoded."""
        if payload is not None:
            return payload.codec
        return self._codecs.only or self._codecs.write

    def _default_keep_ms(self) -> int:
        return keep_ms_of(self._settings.keep_result_s)

    def _result(self, run: ActiveRun, value: object, *, success: bool) -> dict[str, object]:
        payload = run.payload
        result: dict[str, object] = {
            "t": run.job_try,
            "f": payload.name,
            "et": payload.enqueue_ms,
            "s": success,
            "r": value,
            "st": run.start_ms,
            "ft": run.finish_ms,
        }
        if run.lease.queue in self._keep_calls:
            result |= _call(run.lease, payload.args, payload.kwargs)
        if not run.job.is_io:
            result["lane"] = run.job.lane.value  # for people: arq's readers ignore unknown keys
        return result

    def _failed(self, run: ActiveRun, data: bytes, error: BaseException) -> Finish:
        enqueue_ms = run.payload.enqueue_ms
        letter = self._dead_letter(run.lease, run.job.lane, error, run.job_try, run.start_ms, run.finish_ms, enqueue_ms)
        keep_ms = _kept_ms(data, run.job.keep_ms)
        return Finish(run.lease, False, data, keep_ms, run.job.name, letter, self._keep_dead_ms, run.ran_ms)

    def _dead_letter(
        self,
        lease: Lease,
        lane: str,
        error: BaseException,
        tries: int,
        start_ms: int,
        finish_ms: int,
        enqueue_ms: object,
    ) -> bytes:
        return msgspec.json.encode(
            {
                "error": error_text(error),
                "error_type": type_name_of(error),
                "traceback": traceback_text(error),
                "tries": tries,
                "crashes": lease.crashes,
                "crash_note": lease.crash_note,
                "worker": self.worker_id,
                "home": lease.lane_queue,
                "lane": lane,
                "enqueue_ms": enqueue_ms,
                "start_ms": start_ms,
                "finish_ms": finish_ms,
            }
        )


def _call(lease: Lease, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, object]:
    """The fields of arq's result that identify the call."""
    return {"a": args, "k": kwargs, "q": lease.queue.name, "id": lease.job_id}


def _kept_ms(data: bytes, keep_ms: int) -> int:
    """How long a result is kept: not at all if nothing of it could be serialized."""
    return keep_ms if data else -1


def read_name_and_time(lease: Lease, payload: Payload | None) -> tuple[str, int]:
    """A job's name, and when it was enqueued in unix ms: read from the bytes if they must not be decoded.

    They are `UNKNOWN_NAME` and 0 if the payload does not show them.
    """
    if payload is not None:
        return payload.name, payload.enqueue_ms
    head = _read_head(lease.payload) if isinstance(lease.payload, bytes) else PayloadHead()
    return head.name or UNKNOWN_NAME, head.enqueue_ms or 0


def _read_head(data: bytes) -> PayloadHead:
    tail = data[-TAIL_BYTES:] if len(data) > HEAD_BYTES else b""
    return read_head(data[:HEAD_BYTES], tail)
