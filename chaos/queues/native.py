"""The queue of a scenario in the native format; see `chaos.queues.view.QueueView`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from redis.asyncio import Redis

from chaos.queues.view import BATCH, read_result
from monarq.shared.formats.native.fleet_script import FleetScript
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_QUEUES, FLEET_RECORDS, NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.shards import home, tag_of, tags_of
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.servers import servers_of

NAME: Final = "chaos"
SHARDED: Final = "chaos-shards"
"""A queue whose four shards are spread over all three nodes."""

SHARDS: Final = 4
_LANES: Final = ("queued", "queued_cpu", "deferred", "deferred_cpu")
_GONE: Final = (*_LANES, "leases", "notes", "cancels", "progress", "absent")
"""Keys that do not exist when every job has ended and all workers have left."""

_FOR_EVER: Final = ("meta", "payloads", "gone", "barred", "idle", "idle_cpu", "cron", "crons", "live", "stats")
_BOUNDED: Final = ("names", "known", "heard", "recent", "kept", "dead", "letters", "dead_payloads", "trails", "ends")
_RINGS: Final = ("results", "tombstones", "minutes", "seconds")
_ENDING: Final = {"kept": "r", "letters": "d", "dead_payloads": "d", "trails": "t"}
"""Hashes whose fields expire, with the letter that marks their expiry."""

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
    """See `QueueView`.

    Args:
        shards: the number of shards of each queue, by name. The first queue is `ref`; methods for single jobs use its
            shard 0.

    Attributes:
        tags: the hash tags of all shards of all queues.
    """

    cut_shares: Mapping[str, float] = {
        "jobs/enqueue": 0.4,
        "jobs/enqueue_checked": 0.4,
        "jobs/claim": 0.4,
        "workers/beat": 0.9,
        "workers/fleet_beat": 0.9,
        "jobs/finish": 0.4,
        "jobs/requeue": 0.6,
        "jobs/cancel": 0.8,
        "workers/retire": 0.5,
        "workers/reconcile": 0.3,
    }
    rare_scripts = frozenset({"workers/retire", "workers/reconcile"})
    """One is called by workers without jobs; the other only after a lost reply."""

    def __init__(self, shards: Mapping[str, int]) -> None:
        self.refs = tuple(QueueRef(name, "native") for name in shards)
        self.ref = self.refs[0]
        self.tags = tuple(chain.from_iterable(tags_of(name, count) for name, count in shards.items()))
        self._keys = NativeKeys.of(self.ref.name)
        self._shards = tuple(map(NativeKeys.of, self.tags))

    def sha_of(self, script: str) -> str:
        """See `QueueView`. If a script has two variants, the more frequent one."""
        if script == "workers/fleet_beat":
            return FleetScript.load(script).sha
        loaded = NativeScript.load(script)
        return (loaded.short or loaded).sha

    async def read_results(self, redis: Redis, job_ids: Iterable[str]) -> dict[str, str | None]:
        """See `QueueView`. Asks every shard for every job: which shard it belongs to is decided by the queue."""
        ids = list(job_ids)
        found: dict[str, str | None] = dict.fromkeys(ids)
        for at in range(0, len(ids), BATCH):
            batch = ids[at : at + BATCH]
            for keys in self._shards:
                replies = zip(batch, await find_results(redis, keys, batch), strict=True)
                found |= {job_id: read_result(data) for job_id, data in replies if isinstance(data, bytes)}
        return found

    async def forget_results(self, redis: Redis, job_ids: Sequence[str]) -> None:
        """See `QueueView`."""
        client: Any = redis
        for keys in self._shards:
            for key in (*keys.ring("results"), *keys.ring("tombstones"), keys.key("kept")):
                await client.hdel(key, *job_ids)

    async def read_dead_letter(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """See `QueueView`."""
        client: Any = redis
        letter: bytes | None = await client.hget(self._keys.key("letters"), raw_id)
        return letter

    async def waiting(self, redis: Redis) -> int:
        """See `QueueView`."""
        return sum([await _alive(redis, keys) for keys in self._shards])

    async def read_due_ms(self, redis: Redis) -> list[float]:
        """See `QueueView`."""
        zsets = [keys.key(name) for keys in self._shards for name in ("deferred", "deferred_cpu")]
        return [due_ms for key in zsets for _, due_ms in await redis.zrange(key, 0, -1, withscores=True)]

    async def remove_jobs(self, redis: Redis, prefix: str) -> None:
        """See `QueueView`."""
        client: Any = redis
        for keys in self._shards:
            for key in map(keys.key, _LANES):
                for raw_id in await client.zrange(key, 0, -1):
                    if raw_id.startswith(prefix.encode()):
                        await client.zrem(key, raw_id)
                        await client.hdel(keys.key("payloads"), raw_id)
                        await client.hdel(keys.key("notes"), raw_id)

    async def write_job(self, redis: Redis, raw_id: bytes, payload: bytes, score: float | None = None) -> None:
        """See `QueueView`."""
        client: Any = redis
        if score is None:
            first = await client.zrange(self._keys.key("queued"), 0, 0, withscores=True)
            score = first[0][1] if first else 500.0 * 2**44
        await client.hset(self._keys.key("payloads"), raw_id, payload)
        await client.zadd(self._keys.key("queued"), {raw_id: score})

    async def write_strange(self, redis: Redis, raw_id: bytes, payload: bytes, number: int) -> str:
        """See `QueueView`. There is no job without a payload: whoever finds such an id removes it."""
        client: Any = redis
        note = _STRANGE_NOTES[number % len(_STRANGE_NOTES)]
        await client.hset(self._keys.key("notes"), raw_id, note)
        await self.write_job(redis, raw_id, payload)
        return f"its note is {note[:20]!r}"

    async def read_leaks(self, redis: Redis, *, beside_arq: bool = False) -> list[str]:
        """See `QueueView`."""
        client: Any = redis
        gone, kept, rings = {FLEET_BEATS, FLEET_RECORDS}, {FLEET_QUEUES}, set()
        for keys in self._shards:
            gone |= {keys.key(name) for name in _GONE}
            kept |= {keys.key(name) for name in (*_FOR_EVER, *_BOUNDED)}
            rings |= {key for name in _RINGS for key in keys.ring(name)}
        leaks = []
        for raw in await _all_keys(redis):
            key = raw.decode("utf-8", "backslashreplace")
            if key in gone:
                leaks.append(f"{key} is left")
            elif key in rings:
                leaks += [f"{key} lives for ever"] if await client.ttl(raw) == -1 else []
            elif key not in kept:
                leaks.append(f"{key} is not a key of the format")
        for keys in self._shards:
            payloads = set(await client.hkeys(keys.key("payloads"))) - {_PAD}
            leaks += [f"a payload is left: {raw_id!r}" for raw_id in payloads]
            ends = set(await client.zrange(keys.key("ends"), 0, -1))
            for name, letter in _ENDING.items():
                fields = await client.hkeys(keys.key(name))
                leaks += [f"{name} {each!r} lives for ever" for each in fields if _member(letter, each) not in ends]
        return leaks


WHOLE_PREFIX: Final = "whole-"
"""The prefix of the ids of `NAME`'s jobs in scenarios that also enqueue into `SHARDED`."""

CLUSTERED: Final = NativeView({SHARDED: SHARDS, NAME: 1})
"""A queue with several shards, and another one with one shard."""


def tag_of_job(job_id: str) -> str:
    """The shard of `CLUSTERED` to which a job belongs."""
    return NAME if job_id.startswith(WHOLE_PREFIX) else tag_of(SHARDED, home(job_id, SHARDS))


async def count_jobs(redis: Redis, tag: str) -> tuple[int, int]:
    """The numbers of waiting and running jobs in a shard, at nearly the same moment."""
    client: Any = redis
    keys = NativeKeys.of(tag)
    waiting = sum([int(await client.zcard(keys.key(lane))) for lane in _LANES])
    return waiting, max(0, await _alive(redis, keys) - waiting)


async def _alive(redis: Redis, keys: NativeKeys) -> int:
    client: Any = redis
    payloads = keys.key("payloads")
    return int(await client.hlen(payloads)) - int(await client.hexists(payloads, _PAD))


async def _all_keys(redis: Redis) -> list[bytes]:
    """All keys of a server, or of all nodes of a cluster."""
    return [raw for _, server in servers_of(redis) async for raw in server.scan_iter(count=1000)]


def _member(letter: str, field: bytes) -> bytes:
    """The member of `ends` for a field; a letter's digest, whose field begins with NUL, ends with its letter."""
    return letter.encode() + field.removeprefix(b"\0")
