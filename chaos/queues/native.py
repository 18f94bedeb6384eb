"""The queue of a scenario in the native format; see `chaos.queues.view.QueueView`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from chaos.queues.view import BATCH, read_result
from monarq.shared.formats.native.fleet_script import FleetScript
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_QUEUES, FLEET_RECORDS, NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.queue_ref import QueueRef

NAME: Final = "chaos"
_KEYS: Final = NativeKeys.of(NAME)
_LANES: Final = ("ready", "ready_cpu", "deferred", "deferred_cpu")
_GONE: Final = (*_LANES, "leases", "notes", "aborts", "progress", "absent")
"""What is empty, and so not there, when every job has ended and all workers have left."""

_FOR_EVER: Final = ("meta", "payloads", "gone", "barred", "idle", "idle_cpu", "cron", "crons", "live", "stats")
_BOUNDED: Final = ("names", "known", "heard", "recent", "kept", "dead", "letters", "dead_payloads", "trails", "ends")
_RINGS: Final = ("results", "tombstones", "minutes", "seconds")
_ENDING: Final = {"kept": "r", "letters": "d", "dead_payloads": "d", "trails": "t"}
"""Hashes whose fields are deleted when their time is over: the letter by which that is noted."""

_STRANGE_NOTES: Final = (
    b"many",
    b"9" * 400 + b" 0 0 0 -|",
    b"\xff\xfe\0",
    b"1 0 0 0 x,unknown|of later",
    b"",
    b"1e9 -1 nan 0 -|",
)

_PAD: Final = b"\0"


class NativeView:
    """See `QueueView`."""

    ref = QueueRef(NAME, "native")
    cut_shares: Mapping[str, float] = {
        "jobs/enqueue": 0.4,
        "jobs/enqueue_checked": 0.4,
        "jobs/claim": 0.4,
        "workers/beat": 0.9,
        "workers/fleet_beat": 0.9,
        "jobs/finish": 0.4,
        "jobs/requeue": 0.6,
        "jobs/abort": 0.8,
        "workers/retire": 0.5,
        "workers/reconcile": 0.3,
    }
    rare_scripts = frozenset({"workers/retire", "workers/reconcile"})
    """A worker that holds nothing calls the one; only calls whose replies are lost lead to the other."""

    def sha_of(self, script: str) -> str:
        """See `QueueView`."""
        return (FleetScript if script == "workers/fleet_beat" else NativeScript).load(script).sha

    async def read_results(self, redis: Redis, job_ids: Iterable[str]) -> dict[str, str | None]:
        """See `QueueView`."""
        ids = list(job_ids)
        found: dict[str, str | None] = {}
        for at in range(0, len(ids), BATCH):
            batch = ids[at : at + BATCH]
            raw = await find_results(redis, _KEYS, batch)
            found |= {
                job_id: read_result(data if isinstance(data, bytes) else None)
                for job_id, data in zip(batch, raw, strict=True)
            }
        return found

    async def forget_results(self, redis: Redis, job_ids: Sequence[str]) -> None:
        """See `QueueView`."""
        client: Any = redis
        for key in (*_KEYS.ring("results"), *_KEYS.ring("tombstones"), _KEYS.key("kept")):
            await client.hdel(key, *job_ids)

    async def read_dead_letter(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """See `QueueView`."""
        client: Any = redis
        letter: bytes | None = await client.hget(_KEYS.key("letters"), raw_id)
        return letter

    async def waiting(self, redis: Redis) -> int:
        """See `QueueView`."""
        client: Any = redis
        payloads = _KEYS.key("payloads")
        return int(await client.hlen(payloads)) - int(await client.hexists(payloads, _PAD))

    async def read_due_ms(self, redis: Redis) -> list[float]:
        """See `QueueView`."""
        keys = (_KEYS.key("deferred"), _KEYS.key("deferred_cpu"))
        return [due_ms for key in keys for _, due_ms in await redis.zrange(key, 0, -1, withscores=True)]

    async def remove_jobs(self, redis: Redis, prefix: str) -> None:
        """See `QueueView`."""
        client: Any = redis
        for key in map(_KEYS.key, _LANES):
            for raw_id in await client.zrange(key, 0, -1):
                if raw_id.startswith(prefix.encode()):
                    await client.zrem(key, raw_id)
                    await client.hdel(_KEYS.key("payloads"), raw_id)
                    await client.hdel(_KEYS.key("notes"), raw_id)

    async def write_job(self, redis: Redis, raw_id: bytes, payload: bytes, score: float | None = None) -> None:
        """See `QueueView`."""
        client: Any = redis
        if score is None:
            first = await client.zrange(_KEYS.key("ready"), 0, 0, withscores=True)
            score = first[0][1] if first else 500.0 * 2**44
        await client.hset(_KEYS.key("payloads"), raw_id, payload)
        await client.zadd(_KEYS.key("ready"), {raw_id: score})

    async def write_strange(self, redis: Redis, raw_id: bytes, payload: bytes, number: int) -> str:
        """See `QueueView`. A job without a payload is none here: whoever finds its id drops that."""
        client: Any = redis
        note = _STRANGE_NOTES[number % len(_STRANGE_NOTES)]
        await client.hset(_KEYS.key("notes"), raw_id, note)
        await self.write_job(redis, raw_id, payload)
        return f"its note is {note[:20]!r}"

    async def read_leaks(self, redis: Redis, *, beside_arq: bool = False) -> list[str]:
        """See `QueueView`."""
        client: Any = redis
        gone = {_KEYS.key(name) for name in _GONE} | {FLEET_BEATS, FLEET_RECORDS}
        kept = {_KEYS.key(name) for name in (*_FOR_EVER, *_BOUNDED)} | {FLEET_QUEUES}
        rings = {key for name in _RINGS for key in _KEYS.ring(name)}
        leaks = []
        async for raw in client.scan_iter(count=1000):
            key = raw.decode("utf-8", "backslashreplace")
            if key in gone:
                leaks.append(f"{key} is left")
            elif key in rings:
                leaks += [f"{key} lives for ever"] if await client.ttl(raw) == -1 else []
            elif key not in kept:
                leaks.append(f"{key} is none that the format has")
        payloads = set(await client.hkeys(_KEYS.key("payloads"))) - {_PAD}
        leaks += [f"a payload is left: {raw_id!r}" for raw_id in payloads]
        for name, letter in _ENDING.items():
            fields = await client.hkeys(_KEYS.key(name))
            ends = set(await client.zrange(_KEYS.key("ends"), 0, -1))
            leaks += [f"{name} {each!r} lives for ever" for each in fields if _member(letter, each) not in ends]
        return leaks


def _member(letter: str, field: bytes) -> bytes:
    """The member of `ends` for a field; a letter's digest, whose field begins with NUL, ends with its letter."""
    return letter.encode() + field.removeprefix(b"\0")
