"""Reads of a queue's jobs in all of its shards."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.native.sharded.in_parallel import in_parallel
from monarq.shared.formats.native.sharded.monitor.sharded_queue import ShardedQueue
from monarq.shared.payloads.progress import Progress
from monarq.shared.protocol.job_facts import JobFacts, Trace
from monarq.shared.protocol.monitor_queue import ReadTrace
from monarq.shared.protocol.monitor_records import EndedRecord
from monarq.shared.protocol.pages import BATCH, LiveState, Page, PagePosition, PositionError

_Place = tuple[int, PagePosition | None]
"""A shard that has more jobs, and the position at which they begin."""

_encode = msgspec.msgpack.Encoder().encode
_PLACES: Final = msgspec.msgpack.Decoder(list[_Place])


class ShardedJobReads(ShardedQueue):
    """See `monarq.shared.protocol.monitor_queue.JobReads`."""

    async def browse(self, redis: Redis, state: LiveState, position: PagePosition | None, limit: int) -> Page:
        """See the protocol. A page has equally many jobs of each shard, so the order across pages is nearly exact."""
        count = (await self._shards(redis)).count
        if count == 1:
            return await self._shard(0).browse(redis, state, position, limit)
        places = _places_of(position, count)
        limit = min(limit, BATCH)
        asked, later = places[:limit], places[limit:]
        share = max(1, limit // len(asked))
        pages = await in_parallel([self._shard(shard).browse(redis, state, its, share) for shard, its in asked])
        jobs = [job for page in pages for job in page.jobs]
        jobs.sort(key=lambda job: (job.due_ms or 0, job.raw_id) if state != "running" else (0, b""))
        going_on: list[_Place] = [
            (shard, page.next) for (shard, _), page in zip(asked, pages, strict=True) if page.next is not None
        ]
        following = [*later, *going_on]
        return Page(min(page.now_ms for page in pages), tuple(jobs), (_encode(following),) if following else None)

    async def read_facts(self, redis: Redis, raw_id: bytes, *, with_payload: bool) -> JobFacts:
        """See the protocol."""
        return await self._first_to_know(
            redis, raw_id, lambda shard: shard.read_facts(redis, raw_id, with_payload=with_payload), _is_known
        )

    def ask_trace(self, pipeline: Any, raw_id: bytes) -> ReadTrace:
        """See the protocol; if the number of shards is unknown, only shard 0 is asked."""
        homes = self._known.homes(raw_id, 0) if self._known else [0]
        readers = [self._shard(home).ask_trace(pipeline, raw_id) for home in homes]

        def read_trace(replies: Iterator[Any]) -> Trace:
            return min([read(replies) for read in readers])

        return read_trace

    async def read_progress(self, redis: Redis, job_ids: Sequence[str]) -> list[Progress | None]:
        """See the protocol."""
        raw_ids = {job_id.encode("utf-8", "surrogateescape"): job_id for job_id in job_ids}
        found: dict[str, Progress | None] = {}
        for at in range((await self._shards(redis)).most_homes):
            for shard, ids in await self._by_home(redis, list(raw_ids), at):
                names = [raw_ids[raw_id] for raw_id in ids]
                reports = await shard.read_progress(redis, names)
                found |= {name: report for name, report in zip(names, reports, strict=True) if report}
        return [found.get(job_id) for job_id in job_ids]

    async def read_ended(self, redis: Redis, limit: int) -> list[EndedRecord]:
        """See the protocol."""
        lists = await self._from_each(redis, lambda shard: shard.read_ended(redis, limit))
        return list(heapq.merge(*lists, key=lambda ended: -ended.ended_ms))[:limit]


def _is_known(facts: JobFacts) -> bool:
    return (
        facts.state is not None or facts.result_bytes is not None or bool(facts.history) or facts.ended_without_result
    )


def _places_of(position: PagePosition | None, count: int) -> list[_Place]:
    if position is None:
        return [(shard, None) for shard in range(count)]
    try:
        [encoded] = position
        places = _PLACES.decode(encoded if isinstance(encoded, bytes) else b"")
    except (ValueError, msgspec.DecodeError):
        raise PositionError from None
    if not places or len({shard for shard, _ in places}) != len(places):
        raise PositionError
    if not all(0 <= shard < count for shard, _ in places):
        raise PositionError
    return places
