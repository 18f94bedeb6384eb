"""The workers of queues, from the fleet's list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.native.workers.fleet import FleetWorker, read_fleet, read_records
from monarq.shared.protocol.monitor_records import WorkerRecord


class _RunningJob(msgspec.Struct):
    id: str = ""
    started_ms: int = 0


class _Record(msgspec.Struct):
    """The fields of a worker's record that are read here."""

    native_queues: tuple[str, ...] = ()
    running_jobs: tuple[_RunningJob, ...] = ()


_RECORD: Final = msgspec.json.Decoder(_Record, strict=False)


async def read_workers(redis: Redis, names: Sequence[str]) -> dict[str, list[WorkerRecord]]:
    """The records of the queues' workers; see `monarq.shared.protocol.monitor_queue.ReadWorkers`.

    Raises:
        RedisError: Redis did not answer.
    """
    found: dict[str, list[WorkerRecord]] = {name: [] for name in names}
    if not found:
        return found
    fleet = await read_fleet(redis)
    for worker in fleet.workers:
        record = WorkerRecord(worker.id, worker.record, alive=worker.stale_ms >= fleet.now_ms)
        for name in found.keys() & _queues_of(worker):
            found[name].append(record)
    return found


async def read_start_times(redis: Redis, worker_ids: Iterable[str]) -> dict[tuple[str, str], int]:
    """When runs of these workers were started, unix ms, by worker and job id, according to their last records.

    Only the 50 oldest runs of each worker are known, after they have lasted for some seconds.

    Raises:
        RedisError: Redis did not answer.
    """
    records = await read_records(redis, list(set(worker_ids)))
    return {
        (worker_id, job.id): job.started_ms
        for worker_id, data in records.items()
        for job in _decode(data).running_jobs
        if job.started_ms
    }


def _queues_of(worker: FleetWorker) -> set[str]:
    return set(_decode(worker.record).native_queues)


def _decode(record: bytes) -> _Record:
    try:
        return _RECORD.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Record()  # written by another version or program
