"""The last look at a job whose result did not come in time: what the caller's error says about it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from monarq.producer.results.attendance import is_attended
from monarq.shared.errors import ResultTimeoutError
from monarq.shared.formats.choice.producers import find_obstacle, read_facts
from monarq.shared.payloads.payload_head import read_head
from monarq.shared.protocol.pages import HEAD_BYTES
from monarq.shared.redis.redis_errors import REDIS_ERRORS, explain

if TYPE_CHECKING:
    from monarq.producer.results.result_listener import ResultListener
    from monarq.shared.protocol.job_facts import JobFacts
    from monarq.shared.protocol.queue_ref import QueueRef
    from monarq.shared.redis.client import RedisClient

LOOK_S: Final = 1.0
"""Seconds that the look may take."""

MOST_LOOKS: Final = 20
"""How many jobs are looked at at once: thousands of waits may end at the same moment."""

_looks = 0


async def timeout_error(
    redis: RedisClient, listener: ResultListener, queue: QueueRef, job_id: str, timeout_s: float
) -> ResultTimeoutError:
    """The error for a job that did not end in time, which says what is known about it. It takes `LOOK_S` at most."""
    global _looks  # noqa: PLW0603
    name, known = "", ""
    if _looks < MOST_LOOKS:
        _looks += 1
        try:
            async with asyncio.timeout(LOOK_S):
                facts = await read_facts(redis, queue, job_id)
                name = read_head(facts.payload[:HEAD_BYTES], facts.payload_tail).name or ""
                known = await _describe(redis, queue, name, facts)
        except REDIS_ERRORS as error:
            known = known or _unreachable(redis, listener.last_error or error)
        except Exception:  # noqa: BLE001, S110 - it is only informative, and must not hide the timeout
            pass
        finally:
            _looks -= 1
    if is_attended(redis.shown):
        known += f"{known and '; '}in a sandbox, jobs run only during drain()"
    return ResultTimeoutError(job_id, timeout_s, queue.label, name, known)


async def _describe(redis: RedisClient, queue: QueueRef, name: str, facts: JobFacts) -> str:
    if facts.state == "running":
        return f"it is running on worker {facts.holder.worker}" if facts.holder else "it is running"
    if facts.state is None:
        return "Redis has no such job any more" if facts.result_bytes is None else "it has ended meanwhile"
    state = f"it is {facts.state}"
    if facts.state == "deferred" and facts.due_ms is not None:
        state += f" until {datetime.fromtimestamp(facts.due_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if is_attended(redis.shown):
        return state
    try:
        obstacle = await find_obstacle(redis, queue, name)
    except REDIS_ERRORS:
        obstacle = ""
    return f"{state}, and {obstacle}" if obstacle else state


def _unreachable(redis: RedisClient, error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return f"its state is unknown, as Redis at {redis.shown} did not answer within {LOOK_S:g} s"
    return f"its state is unknown: {explain(error, redis.shown)}"
