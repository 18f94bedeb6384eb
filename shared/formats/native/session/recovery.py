"""Recovery: takes back the jobs of workers that died or have been silent for longer than a lease."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.shards import read_tags
from monarq.shared.formats.native.workers.fleet import forget_worker, read_overdue
from monarq.shared.formats.native.workers.leases import recover, worker_of
from monarq.shared.formats.native.workers.wake import stop_waking, wake
from monarq.shared.redis.replies import text
from monarq.shared.redis.servers import read_time

_SILENT: Final = "its lease ran out"
_MOST_WORKERS: Final = 10_000
_LONGEST_GAP_S: Final = 5.0
_CLOCK_SLACK_S: Final = 1.0


class _Record(msgspec.Struct):
    queues: tuple[str, ...] = ()


_RECORD: Final = msgspec.json.Decoder(_Record, strict=False)


class Watcher:
    """Watches the fleet for silent workers.

    After a pause of Redis or the network, every worker seems silent. So no worker is considered dead until Redis has
    answered steadily, with its clock in step with this machine's, for long enough that every live worker has been
    heard.
    """

    def __init__(self, lease_s: float) -> None:
        self._steady_s = lease_s / 3 + 2
        # In a shorter gap, no lease expires that was renewed in time before.
        self._longest_gap_s = min(_LONGEST_GAP_S, lease_s / 2)
        self._since_s: float | None = None
        self._last: tuple[float, float] | None = None

    async def may_accuse(self, redis: Redis, key: str = "") -> bool:
        """Whether a lease that looks expired really is; call it about once a second.

        Args:
            redis: the client.
            key: a key that the server holds.

        Raises:
            RedisError: Redis did not answer; the steady time starts again.
        """
        before_s = time.monotonic()
        try:
            seconds, micros = await read_time(redis, key)
        except BaseException:
            self._since_s = self._last = None
            raise
        now_s, redis_s = time.monotonic(), seconds + micros / 1e6
        if (
            self._last is None
            or not self._is_steady(now_s - self._last[0], redis_s - self._last[1])
            or now_s - before_s > self._longest_gap_s
        ):
            self._since_s = now_s
        self._last = now_s, redis_s
        return self._since_s is not None and now_s - self._since_s >= self._steady_s

    @property
    def redis_ms(self) -> int:
        """Redis' time at its last answer, unix ms."""
        return 0 if self._last is None else int(self._last[1] * 1000)

    def _is_steady(self, passed_s: float, redis_passed_s: float) -> bool:
        return passed_s <= self._longest_gap_s and abs(redis_passed_s - passed_s) <= _CLOCK_SLACK_S


async def recover_silent(redis: Redis, lease_ms: int, may_accuse: Callable[[str], bool]) -> None:
    """Takes back the jobs of workers whose records are stale, from all their queues.

    Args:
        redis: the client.
        lease_ms: the caller's lease.
        may_accuse: returns whether leases that look expired on the key's server really are; see `Watcher`.

    Raises:
        RedisError: a call failed.
    """
    for worker_id, record in (await read_overdue(redis)).records.items():
        is_done = True
        tags = await read_tags(redis, _queues_of(record))
        for tag in tags:
            keys = NativeKeys.of(tag)
            if not may_accuse(keys.key("leases")):
                is_done = False
                continue
            for incarnation in await incarnations_of(redis, keys, worker_id):
                is_done = await recover_incarnation(redis, keys, incarnation, lease_ms) and is_done
        if is_done:
            await _wake_another(redis, tags, worker_id)
            await forget_worker(redis, worker_id)


async def recover_incarnation(redis: Redis, keys: NativeKeys, incarnation: str, lease_ms: int) -> bool:
    """Takes back the jobs of an incarnation if its lease has expired; returns whether it had."""
    return await recover(redis, keys, incarnation, _SILENT, lease_ms=lease_ms) is not None


async def recover_dead(redis: Redis, queue: str, worker_id: str, what: str) -> int:
    """Takes back the jobs of a worker known to be dead at once; returns how many.

    The worker stays on the list of all workers, so that others do the rest if not all of its queues are done.

    Raises:
        RedisError: a call failed; it may be repeated.
    """
    tags = await read_tags(redis, (queue,))
    freed = [await _recover_all(redis, NativeKeys.of(tag), worker_id, what) for tag in tags]
    await _wake_another(redis, tags, worker_id)
    return sum(freed)


async def _recover_all(redis: Redis, keys: NativeKeys, worker_id: str, what: str) -> int:
    # The last one never existed: recovering it keeps late calls of this worker from taking jobs.
    incarnations = [*await incarnations_of(redis, keys, worker_id), f"{worker_id}.0"]
    freed = [await recover(redis, keys, each, what, lease_ms=0, forced=True) for each in incarnations]
    return sum(count or 0 for count in freed)


async def _wake_another(redis: Redis, tags: Sequence[str], worker_id: str) -> None:
    """Wakes a worker instead of the dead one, which may have been woken for a job that still waits."""
    await stop_waking(redis, [NativeKeys.of(tag) for tag in tags], worker_id)
    for tag in tags:
        await wake(redis, NativeKeys.of(tag), "io")
        await wake(redis, NativeKeys.of(tag), "cpu")


async def overdue_incarnations(redis: Redis, keys: NativeKeys, now_ms: int) -> list[str]:
    """The incarnations of a queue, at most ten, whose leases look expired."""
    client: Any = redis
    return list(map(text, await client.zrangebyscore(keys.key("leases"), "-inf", f"({now_ms}", start=0, num=10)))


async def incarnations_of(redis: Redis, keys: NativeKeys, worker_id: str) -> list[str]:
    """The incarnations of a worker that a queue lists: those that hold jobs or did recently."""
    client: Any = redis
    listed = map(text, await client.zrange(keys.key("leases"), 0, _MOST_WORKERS))
    return [each for each in listed if worker_of(each) == worker_id]


def _queues_of(record: bytes) -> tuple[str, ...]:
    try:
        return _RECORD.decode(record).queues
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()  # of another version or program: workers of its queues see its leases expire
