"""One call of each script that changes jobs, through its binding, and the states in which it has something to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import redis as blocking_redis
from redis.asyncio import Redis

from monarq.shared.formats.native.dead.discard import discard
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.finish import KEPT_MS, finish
from monarq.shared.formats.native.jobs.promote import promote
from monarq.shared.formats.native.jobs.requeue import requeue, requeue_crashed
from monarq.shared.formats.native.jobs.tick import enqueue_tick
from monarq.shared.formats.native.queues.pause import pause, resume
from monarq.shared.formats.native.queues.purge import purge
from monarq.shared.formats.native.transfer.source import NativeMoveSource
from monarq.shared.formats.native.transfer.target import NativeMoveTarget
from monarq.shared.formats.native.workers.leases import beat, count_lost, reconcile, recover, retire
from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.cron_queue import Tick
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import MovedJob
from tests.shared.formats.native.pieces import KEYS, now_ms
from tests.shared.formats.native.state import INCARNATION, put, take

Step = Callable[[Redis], Awaitable[object]]

LARGE: Final = b"x" * 20_000
LEASE_MS: Final = 15_000
ELSEWHERE: Final = QueueRef("elsewhere", "arq")


def lease_of(job_id: str, token: str = "i1", lane_queue: LaneQueue = "io") -> Lease:
    return Lease(QueueRef("q", "native"), job_id.encode(), job_id, token, lane_queue, b"", 0, 0, "", 0, None, 0)


def putting(mode: EnqueueMode, *, delay_ms: int = 0, payload: bytes = b"payload", lane: Lane = Lane.IO) -> Step:
    """Enqueues the job "new"."""

    async def step(redis: Redis) -> object:
        placement = Placement(lane=lane, delay_ms=delay_ms, name="f")
        until_ms = await now_ms(redis) + 60_000
        return await enqueue(redis, KEYS, "call of new", placement, mode, [("new", payload)], until_ms=until_ms)

    return step


def ending(*, keep_ms: int = KEPT_MS, dead: bool = False) -> Step:
    """Ends the job "a"."""
    letter = b'{"home":"io"}' if dead else b""
    end = Finish(lease_of("a"), not dead, b"result", keep_ms, "f", letter, 60_000)
    return lambda redis: finish(redis, KEYS, INCARNATION, [end], max_dead=10, lanes={}, with_results=False)


def returning(*, delay_ms: int = 0, tries: int | None = None, lane_queue: LaneQueue = "io") -> Step:
    """Gives the job "a" back."""
    back = Requeue(lease_of("a"), lane_queue, 0, delay_ms, tries, "why", "f")
    return lambda redis: requeue(redis, KEYS, INCARNATION, [back])


async def ticking(redis: Redis) -> object:
    """Enqueues a cron tick."""
    tick = Tick(job_id="tick", payload=b"", name="f", lane=Lane.IO, due_ms=1, ttl_ms=0, bar_ms=0, entry="e")
    return await enqueue_tick(redis, KEYS, tick)


async def beating(redis: Redis) -> object:
    """A beat, which blocks."""
    path = redis.connection_pool.connection_kwargs["path"]
    with blocking_redis.Redis(unix_socket_path=path) as client:
        return beat(client, KEYS, INCARNATION, LEASE_MS)


def recovering(redis: Redis) -> Awaitable[object]:
    """Takes back what the incarnation holds."""
    return recover(redis, KEYS, INCARNATION, "killed", lease_ms=LEASE_MS, forced=True)


def cancelling(redis: Redis) -> Awaitable[object]:
    """Cancels the job "a"."""
    return cancel(redis, KEYS, "a", keep_ms=60_000)


def arriving(*, due_ms: float = 2.0, **known: Any) -> Step:
    """The job "new" arrives from another queue."""

    async def step(redis: Redis) -> object:
        job = MovedJob(b"new", b"payload", "io", due_ms, **known)
        return await NativeMoveTarget(KEYS.tag).put(redis, ELSEWHERE, [job], await now_ms(redis))

    return step


def leaving(redis: Redis) -> Awaitable[object]:
    """The job "a" is dropped, as it has arrived elsewhere."""
    return NativeMoveSource(KEYS.tag).drop(redis, "run", [MovedJob(b"a", b"payload", "io", 0)])


async def forgetting(redis: Redis) -> object:
    """The mark of the job "new" goes, as its source is gone."""
    target = NativeMoveTarget(KEYS.tag)
    return await target.forget(redis, await target.find_marks(redis, ELSEWHERE))


async def nothing(redis: Redis) -> None:
    """An empty queue."""


async def waiting(redis: Redis) -> None:
    """Jobs "a" and "b" wait."""
    await put(redis, "a", "b")


async def due(redis: Redis) -> None:
    """Job "a" was deferred, and is due."""
    await put(redis, "a", delay_ms=60_000)
    await redis.zadd(KEYS.key("deferred"), {"a": 1})


async def deferred(redis: Redis) -> None:
    """Job "a" is deferred."""
    await put(redis, "a", delay_ms=60_000)


async def running(redis: Redis) -> None:
    """Jobs "a" and "b" run, and "c" waits."""
    await put(redis, "a", "b", "c")
    await take(redis, 2)


async def idle(redis: Redis) -> None:
    """An incarnation holds nothing."""
    await running(redis)
    for job_id in ("a", "b"):
        end = Finish(lease_of(job_id), True, b"", -1, "f")
        await finish(redis, KEYS, INCARNATION, [end], max_dead=10, lanes={}, with_results=False)


async def dead(redis: Redis) -> None:
    """Job "a" has left a dead letter."""
    await running(redis)
    await ending(dead=True)(redis)


async def moving(redis: Redis) -> None:
    """Jobs "a" and "b" are being moved elsewhere."""
    await waiting(redis)
    await NativeMoveSource(KEYS.tag).begin(redis, ELSEWHERE, "run")


async def arrived(redis: Redis) -> None:
    """The job "new" has arrived from another queue."""
    await arriving()(redis)


async def paused(redis: Redis) -> None:
    """The queue is paused, and a job waits."""
    await waiting(redis)
    await pause(redis, KEYS)


REFUSED: Final[dict[str, tuple[Step, Step]]] = {
    "enqueue": (waiting, putting(EnqueueMode.NEW)),
    "the first enqueue": (nothing, putting(EnqueueMode.NEW)),
    "a deferred enqueue": (waiting, putting(EnqueueMode.NEW, delay_ms=60_000)),
    "a large enqueue": (waiting, putting(EnqueueMode.NEW, payload=LARGE)),
    "a named enqueue": (waiting, putting(EnqueueMode.NAMED)),
    "a named, large enqueue": (waiting, putting(EnqueueMode.NAMED, payload=LARGE)),
    "a repeated enqueue": (waiting, putting(EnqueueMode.REPEATED)),
    "a tick": (waiting, ticking),
    "an arrival": (waiting, arriving(tries=1, cancel_asked_ms=5, history=(b"1 retried",), progress=b"2 {}")),
    "the first arrival": (nothing, arriving()),
    "a deferred arrival": (waiting, arriving(due_ms=4e12)),
}
"""What a full Redis refuses whole: the state before, and the call."""

GOES_ON: Final[dict[str, tuple[Step, Step]]] = {
    "a claim": (waiting, lambda redis: take(redis, 1)),
    "a claim of what is due": (due, lambda redis: take(redis, 1)),
    "a claim that finds nothing": (nothing, lambda redis: take(redis, 1)),
    "a finish": (running, ending()),
    "a finish without a result": (running, ending(keep_ms=-1)),
    "a finish with a result of its own time": (running, ending(keep_ms=60_000)),
    "a death": (running, ending(dead=True)),
    "a retry": (running, returning(tries=1)),
    "a deferred retry": (running, returning(tries=1, delay_ms=60_000)),
    "a hand-back": (running, returning()),
    "a job for another lane": (running, returning(lane_queue="cpu")),
    "a crash": (running, lambda redis: requeue_crashed(redis, KEYS, INCARNATION, [Crash(lease_of("a"), "killed")])),
    "a beat": (running, beating),
    "a retire": (idle, lambda redis: retire(redis, KEYS, INCARNATION)),
    "a recovery": (running, recovering),
    "a reconcile": (running, lambda redis: reconcile(redis, KEYS, INCARNATION, (1, 1, 1, 0), [(b"a", "i1")])),
    "a count of lost runs": (nothing, lambda redis: count_lost(redis, KEYS, 2)),
    "a cancellation of what waits": (waiting, cancelling),
    "a cancellation of what runs": (running, cancelling),
    "a promotion": (deferred, lambda redis: promote(redis, KEYS, b"a")),
    "a purge": (waiting, lambda redis: purge(redis, KEYS, "io", "queued", limit=1)),
    "a revival": (dead, lambda redis: revive(redis, KEYS, [b"a"])),
    "a discard": (dead, lambda redis: discard(redis, KEYS, [b"a"])),
    "a pause": (waiting, lambda redis: pause(redis, KEYS)),
    "a resume": (paused, lambda redis: resume(redis, KEYS)),
    "a move begins": (waiting, lambda redis: NativeMoveSource(KEYS.tag).begin(redis, ELSEWHERE, "run")),
    "a job is moved away": (moving, leaving),
    "a move ends": (moving, lambda redis: NativeMoveSource(KEYS.tag).close(redis, "run")),
    "a mark goes": (arrived, forgetting),
}
"""What works in a full Redis as ever."""
