"""The calls of administration and monitoring, as rows make them; see calls.py."""

from __future__ import annotations

import math
from collections.abc import Awaitable

from monarq.shared.formats.arq.dead.discard import discard
from monarq.shared.formats.arq.dead.revive import revive
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.jobs.promote import promote
from monarq.shared.formats.arq.queues.browse import browse
from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.shared.formats.arq.queues.pause import pause, paused_since_ms, resume
from monarq.shared.formats.arq.queues.purge import purge
from monarq.shared.formats.arq.queues.waiting import read_waiting
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.answers import Revived
from monarq.shared.protocol.counts import Counts, Waiting
from monarq.shared.protocol.pages import LiveState
from tests.shared.formats.arq.calls import SLACK_S
from tests.shared.formats.arq.rows import Call, Scene
from tests.support.queue_state import KEYS, Time, to_bytes, to_text


def call_cancel(job_id: str = "a") -> Call:
    """Asks for an abort."""
    return lambda scene: cancel(scene.redis, KEYS, job_id)


def call_revive(*ids: str) -> Call:
    """Puts dead jobs back."""

    async def call(scene: Scene) -> list[Revived]:
        return await revive(scene.redis, KEYS, [to_bytes(job_id) for job_id in ids])

    return call


def call_discard(*ids: str) -> Call:
    """Throws dead letters away."""

    async def call(scene: Scene) -> list[bool]:
        return await discard(scene.redis, KEYS, [to_bytes(job_id) for job_id in ids])

    return call


def call_waiting() -> Call:
    """Asks how long jobs wait; the answer in whole seconds."""

    async def call(scene: Scene) -> Waiting:
        found = await read_waiting(scene.redis, KEYS)
        return Waiting(*(None if each is None else math.floor(each + SLACK_S) for each in (found.io_s, found.cpu_s)))

    return call


def call_counts() -> Call:
    """Counts; Redis' time is left out of the reply, and the oldest job's age is in whole seconds."""

    async def call(scene: Scene) -> Counts:
        found = await read_counts(scene.redis, KEYS)
        assert scene.time(found.now_ms) == 0
        oldest_s = None if found.oldest_s is None else math.floor(found.oldest_s + SLACK_S)
        return Counts(
            now_ms=0,
            queued=found.queued,
            deferred=found.deferred,
            running=found.running,
            dead=found.dead,
            jobs_per_s=found.jobs_per_s,
            oldest_s=oldest_s,
            totals=found.totals,
        )

    return call


def call_browse(state: LiveState = "queued", limit: int = 10) -> Call:
    """Reads the first page; gives its ids, and whether another follows."""

    async def call(scene: Scene) -> tuple[list[str], bool]:
        page = await browse(scene.redis, KEYS, state, limit=limit)
        return [to_text(job.raw_id) for job in page.jobs], page.next is not None

    return call


def call_pause() -> Call:
    """Pauses the queue; gives since when it had been."""
    return lambda scene: _since(scene, pause(scene.redis, KEYS))


def call_resume() -> Call:
    """Lets it go on; gives since when it had been paused."""
    return lambda scene: _since(scene, resume(scene.redis, KEYS))


def call_ask_paused() -> Call:
    """Gives since when the queue is paused."""
    return lambda scene: _since(scene, paused_since_ms(scene.redis, KEYS))


async def _since(scene: Scene, asked: Awaitable[int]) -> Time | None:
    since_ms = await asked
    return scene.time(since_ms) if since_ms else None


def call_promote(job_id: str = "a") -> Call:
    """Makes a job due now."""
    return lambda scene: promote(scene.redis, KEYS, to_bytes(job_id))


def call_purge(
    lowest: str = "-inf", highest: Time | str = 0, *, lane_queue: LaneQueue = "io", skip: int = 0, limit: int = 1000
) -> Call:
    """Throws jobs away; gives how many went and how many run."""

    def call(scene: Scene) -> Awaitable[tuple[int, int]]:
        upto = highest if isinstance(highest, str) else str(scene.ms(highest))
        return purge(scene.redis, KEYS, lane_queue, lowest, upto, skip, limit)

    return call
