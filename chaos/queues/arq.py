"""The queue of a scenario in arq's format; see `chaos.queues.view.QueueView`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from redis.asyncio import Redis

from chaos.queues.view import BATCH, read_result
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.queue_ref import QueueRef

_KEYS: Final = QueueKeys.of(DEFAULT_QUEUE)
_DUE_MS: Final = 1_700_000_000_000


class ArqView:
    """See `QueueView`."""

    ref = QueueRef(DEFAULT_QUEUE, "arq")
    refs = (ref,)
    cut_shares: Mapping[str, float] = {
        "jobs/enqueue": 0.4,
        "jobs/claim": 0.4,
        "workers/renew": 0.9,
        "jobs/finish": 0.4,
        "jobs/requeue": 0.6,
        "jobs/cancel": 0.8,
        "jobs/release_claim": 0.3,
    }
    rare_scripts = frozenset({"jobs/release_claim"})
    """Called only after a claim whose reply was lost."""

    def sha_of(self, script: str) -> str:
        """See `QueueView`."""
        return ArqScript.load(script).sha

    async def read_results(self, redis: Redis, job_ids: Iterable[str]) -> dict[str, str | None]:
        """See `QueueView`."""
        ids = list(job_ids)
        found: dict[str, str | None] = {}
        for at in range(0, len(ids), BATCH):
            batch = ids[at : at + BATCH]
            raw = await redis.mget([names.result(job_id) for job_id in batch])
            found |= {job_id: read_result(data) for job_id, data in zip(batch, raw, strict=True)}
        return found

    async def forget_results(self, redis: Redis, job_ids: Sequence[str]) -> None:
        """See `QueueView`."""
        await redis.delete(*map(names.result, job_ids))

    async def read_dead_letter(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """See `QueueView`."""
        key = _KEYS.dead_letter("").encode() + raw_id
        letter: bytes | None = await redis.execute_command("HGET", key, "letter")  # type: ignore[no-untyped-call]
        return letter

    async def waiting(self, redis: Redis) -> int:
        """See `QueueView`."""
        return int(await redis.zcard(_KEYS.queue))

    async def read_due_ms(self, redis: Redis) -> list[float]:
        """See `QueueView`."""
        return [due_ms for _, due_ms in await redis.zrange(_KEYS.queue, 0, -1, withscores=True)]

    async def remove_jobs(self, redis: Redis, prefix: str) -> None:
        """See `QueueView`."""
        members = [raw.decode() for raw in await redis.zrange(_KEYS.queue, 0, -1)]
        for job_id in members:
            if job_id.startswith(prefix):
                await redis.zrem(_KEYS.queue, job_id)
                await redis.delete(names.job(job_id))

    async def write_job(self, redis: Redis, raw_id: bytes, payload: bytes, score: float | None = None) -> None:
        """See `QueueView`."""
        await redis.set(names.JOB_PREFIX.encode() + raw_id, payload)
        await redis.zadd(_KEYS.queue, {raw_id: _DUE_MS if score is None else score})

    async def write_strange(self, redis: Redis, raw_id: bytes, payload: bytes, number: int) -> str:
        """See `QueueView`."""
        said = await self._write_keys(redis, raw_id, payload, number)
        await redis.zadd(_KEYS.queue, {raw_id: _DUE_MS})
        return said

    async def _write_keys(self, redis: Redis, raw_id: bytes, payload: bytes, number: int) -> str:
        key = names.JOB_PREFIX.encode() + raw_id
        tries, token = names.RETRY_PREFIX.encode() + raw_id, names.IN_PROGRESS_PREFIX.encode() + raw_id
        match number % 5:
            case 0:
                await redis.execute_command("RPUSH", key, "x")  # type: ignore[no-untyped-call]
                return "its payload is a list"
            case 1:
                return "it has no payload"
            case 2:
                await redis.set(key, payload)
                await redis.set(tries, "many")
                return "its tries are text"
            case 3:
                await redis.set(key, payload)
                await redis.execute_command("HSET", token, "a", "b")  # type: ignore[no-untyped-call]
                return "its token is a hash"
            case _:
                await redis.set(key, payload)
                await redis.set(tries, "9" * 400)
                return "its tries are huge"

    async def read_leaks(self, redis: Redis, *, beside_arq: bool = False) -> list[str]:
        """See `QueueView`."""
        leaks = []
        gone: Sequence[str] = (names.IN_PROGRESS_PREFIX, names.JOB_PREFIX, names.RETRY_PREFIX)
        if not beside_arq:
            gone = (*gone, _KEYS.crash(""))
        async for raw in redis.scan_iter(count=1000):
            key = raw.decode("utf-8", "backslashreplace")
            if key.startswith(tuple(gone)) or key in (_KEYS.queue, _KEYS.cpu, _KEYS.workers):
                leaks.append(f"{key} is left")
            elif await redis.ttl(raw) == -1:
                leaks.append(f"{key} lives for ever")
        return leaks
