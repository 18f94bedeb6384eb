"""A program whose revealed types are those of its values: it is checked, and run with a worker."""

# pyright: strict

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import reveal_type
from uuid import UUID

from monarq import Context, Producer, SyncContext, SyncProducer, job, named


@dataclass
class Point:
    x: int
    y: float = 0.0


@job(name="revealed.move")
async def move(point: Point, by: float = 1.0) -> Point:
    return Point(point.x + 1, point.y + by)


@job(name="revealed.corners")
async def corners(ctx: Context, points: list[Point]) -> dict[UUID, tuple[Point, Decimal]]:
    return {UUID(int=at): (point, Decimal(at)) for at, point in enumerate(points)}


@job(name="revealed.days", lane="thread")
def days(ctx: SyncContext, since: datetime) -> set[date]:
    return {since.date()}


@job(name="revealed.area", lane="cpu")
def area(width: int, height: int = 2) -> Decimal:
    return Decimal(width * height)


@job(name="revealed.find")
async def find(points: Sequence[Point], x: int) -> Point | None:
    return next((point for point in points if point.x == x), None)


@job(name="revealed.nothing")
async def nothing() -> None: ...


JOBS = [move, corners, days, area, find, nothing]


async def run(producer: Producer) -> None:
    handle = await producer.enqueue(move, Point(1), by=2)
    reveal_type(await handle.result())
    reveal_type(await (await producer.enqueue(corners, [Point(1), Point(2)])).result())
    reveal_type(await (await producer.enqueue(days, datetime(2026, 1, 2, tzinfo=UTC))).result())
    reveal_type(await (await producer.enqueue(area, 3)).result())
    reveal_type(await (await producer.enqueue(find, (Point(1),), 1)).result())
    reveal_type(await (await producer.enqueue(nothing)).result())
    reveal_type(await (await producer.enqueue(move.bind(Point(1)))).result())
    reveal_type(await (await producer.enqueue(named("revealed.area", type=Decimal), 3)).result())
    reveal_type(await producer.handle(handle.job_id, type=Point).result())
    reveal_type(await producer.map(area, [(1, 2), (3, 4)]))
    reveal_type(await producer.map(move, ((Point(n),) for n in range(3))))
    reveal_type(await producer.map([area.bind(1, height=3), area.bind(2)]))
    async for ended, value in producer.as_completed(await producer.enqueue_many(corners, [([Point(1)],)])):
        reveal_type(value)
        reveal_type(await ended.result())


def run_blocking(producer: SyncProducer) -> None:
    reveal_type(producer.enqueue(move, Point(1)).result())
    reveal_type(producer.map(days, [(datetime(2026, 1, 2, tzinfo=UTC),)]))
    for _, value in producer.as_completed(producer.enqueue_many([move.bind(Point(2), 1.5)])):
        reveal_type(value)
