"""What is left in Redis when a scenario is over: results of its jobs, and keys that nobody will ever remove."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from redis.asyncio import Redis

from monarq.shared.errors import PayloadError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.result import Result

BATCH = 500
_CODECS = Codecs(allow_pickle=True)
QUEUE = QueueKeys.of(DEFAULT_QUEUE)


async def read_results(redis: Redis, job_ids: Iterable[str]) -> dict[str, str | None]:
    """The value of each job's result where it succeeded, "failed: ..." where it failed, None where there is none."""
    ids = list(job_ids)
    found: dict[str, str | None] = {}
    for at in range(0, len(ids), BATCH):
        batch = ids[at : at + BATCH]
        raw = await redis.mget([names.result(job_id) for job_id in batch])
        found |= {job_id: _read(data) for job_id, data in zip(batch, raw, strict=True)}
    return found


def _read(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        result = Result.read(data, _CODECS)
    except PayloadError as error:
        return f"unreadable: {error}"
    return str(result.value) if result.success else f"failed: {result.value!r}"


async def waiting(redis: Redis) -> int:
    """How many jobs have not ended."""
    return int(await redis.zcard(QUEUE.queue))


async def remove_jobs(redis: Redis, prefix: str) -> None:
    """Takes the jobs out of the queue that wait and whose ids begin so."""
    members = [raw.decode() for raw in await redis.zrange(QUEUE.queue, 0, -1)]
    for job_id in members:
        if job_id.startswith(prefix):
            await redis.zrem(QUEUE.queue, job_id)
            await redis.delete(names.job(job_id))


async def read_leaks(redis: Redis, *, beside_arq: bool = False) -> list[str]:
    """Keys that should be gone when every job has ended and all workers have left, and what is wrong with each.

    Args:
        redis: the client.
        beside_arq: arq's workers have ended jobs too. They know nothing of crash notes, which are left to their TTL.
    """
    leaks = []
    gone: Sequence[str] = (names.IN_PROGRESS_PREFIX, names.JOB_PREFIX, names.RETRY_PREFIX)
    if not beside_arq:
        gone = (*gone, QUEUE.crash(""))
    async for raw in redis.scan_iter(count=1000):
        key = raw.decode("utf-8", "backslashreplace")
        if key.startswith(tuple(gone)) or key in (QUEUE.queue, QUEUE.cpu, QUEUE.workers):
            leaks.append(f"{key} is left")
        elif await redis.ttl(raw) == -1:
            leaks.append(f"{key} lives for ever")
    return leaks
