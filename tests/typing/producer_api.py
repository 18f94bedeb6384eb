"""What type checkers say of the producer: the right types, and an error for wrong arguments. Checked, never run.

An ignore that nothing needs is an error too, so each one here stands for a mistake that is found.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_type

from monarq import BoundJob, Queue, cron
from monarq.producer import Handle, JobInfo, JobState, Producer, SyncHandle, SyncProducer, named
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.jobs.cron_declaration import Cron
from monarq.shared.jobs.decorators import job
from monarq.shared.payloads.progress import Progress


@job
async def fetch(url: str, depth: int = 1) -> bytes:
    return url.encode() * depth


@job(timeout=5)
def count_primes(start: int, stop: int) -> int:
    return stop - start


@job(queue=Queue("bills"))
async def charge(amount: int) -> str:
    return str(amount)


@job
async def resize(ctx: Context, key: str) -> None:
    await ctx.progress(1, 2, key)
    await ctx.progress(1, 2.5)
    await ctx.progress(key)  # type: ignore[arg-type]
    await ctx.progress(1, 2, 3)  # type: ignore[arg-type]


@job
def render(ctx: SyncContext, frames: int) -> None:
    ctx.progress(1, frames, "one")


@job
async def defaults(depth: int = 1) -> None: ...


async def enqueue(producer: Producer) -> None:
    assert_type(await producer.enqueue(fetch, "u"), Handle[bytes])
    assert_type(await producer.enqueue(fetch, "u", depth=2), Handle[bytes])
    assert_type(await producer.enqueue(count_primes, 1, stop=2), Handle[int])
    assert_type(await producer.enqueue(resize, "key"), Handle[None])
    assert_type(
        await producer.enqueue(fetch.options(defer_by=5, job_id="a", queue="slow", expires=60), "u"), Handle[bytes]
    )
    assert_type(await producer.enqueue(charge, 5), Handle[str])
    assert_type(await producer.enqueue(fetch.options(queue=Queue("slow", format="arq")), "u"), Handle[bytes])
    assert_type(await producer.enqueue("fetch", 1, two=3), Handle[Any])
    assert_type(await producer.enqueue(named("fetch", type=bytes), 1), Handle[bytes])
    assert_type(await producer.enqueue(fetch.bind("u", depth=2).options(expires=60)), Handle[bytes])
    assert_type(fetch.bind("u"), BoundJob[bytes])
    assert_type(await producer.enqueue(named("fetch", lane="cpu").options(job_id="a"), 1, two=3), Handle[Any])

    await producer.enqueue(fetch)  # type: ignore[call-overload]
    await producer.enqueue(fetch, 1)  # type: ignore[call-overload]
    await producer.enqueue(fetch, "u", 1, 2)  # type: ignore[call-overload]
    await producer.enqueue(fetch, "u", depht=1)  # type: ignore[call-arg]
    await producer.enqueue(count_primes.options(job_id="a"), "1", 2)  # type: ignore[call-overload]
    await producer.enqueue(resize, Context, "key")  # type: ignore[call-overload]
    await producer.enqueue(print, "u")  # type: ignore[call-overload]
    fetch.options(queue=5)  # type: ignore[arg-type]
    Queue("slow", "arq")  # type: ignore[call-arg]
    Queue("slow", format="redis")  # type: ignore[arg-type]


async def many(producer: Producer) -> None:
    handles = await producer.enqueue_many(fetch, [("u",), ("v",)])
    assert_type(await producer.enqueue_many(fetch.options(expires=5), [("u", 2), ("v", 3)]), list[Handle[bytes]])
    assert_type(await producer.enqueue_many(resize, [("key",)]), list[Handle[None]])
    assert_type(await producer.enqueue_many(render, ((n,) for n in range(3))), list[Handle[None]])
    assert_type(await producer.enqueue_many([fetch.bind("u"), fetch.bind("v", depth=2)]), list[Handle[bytes]])
    assert_type(await producer.enqueue_many(named("fetch", type=bytes), [("u",)]), list[Handle[bytes]])
    assert_type(await producer.map([count_primes.bind(1, 2)]), list[int])
    assert_type(handles, list[Handle[bytes]])
    assert_type(await producer.enqueue_many("fetch", [("u",)]), list[Handle[Any]])
    assert_type(await producer.map(count_primes, ((n, n + 1) for n in range(3))), list[int])
    async for handle, value in producer.as_completed(handles):
        assert_type(handle, Handle[bytes])
        assert_type(value, bytes)
    async for _, outcome in producer.as_completed(handles, timeout=5, return_exceptions=True):
        assert_type(outcome, bytes | Exception)

    await producer.enqueue_many(fetch, ["u", "v"])  # type: ignore[arg-type, list-item]
    await producer.enqueue_many(fetch, [(1,)])  # type: ignore[arg-type]
    await producer.enqueue_many(count_primes, [(1,)])  # type: ignore[arg-type]
    await producer.enqueue_many(resize, [("key", 2)])  # type: ignore[arg-type]
    await producer.enqueue_many(render, [("one",)])  # type: ignore[arg-type]
    await producer.enqueue_many([fetch])  # type: ignore[arg-type]
    await producer.map(count_primes, [(1, "2")])  # type: ignore[arg-type]
    await producer.enqueue(fetch.bind("u"), "u")  # type: ignore[call-overload]
    fetch.bind(1)  # type: ignore[arg-type]
    fetch.bind("u", depht=1)  # type: ignore[call-arg]
    fetch.bind("u").options(priority="x")  # type: ignore[call-arg]


def crons() -> None:
    assert_type(cron(defaults, "@daily"), Cron)
    cron(fetch, "@daily", args=("u",), name="u")
    cron(fetch, hour={1, 2}, args=("u", 2))
    cron(resize, "@daily", args=("key",))
    cron(render, "@daily", args=(2,))
    cron(fetch.bind("u", depth=2), minute=5)
    cron(fetch, "@daily", args=("u",), kwargs={"depth": 2})

    cron(fetch, "@daily")  # type: ignore[arg-type]
    cron(fetch, "@daily", args=(1,))  # type: ignore[arg-type]
    cron(count_primes, "@daily", args=(1,))  # type: ignore[arg-type]
    cron(render, "@daily", args=("one",))  # type: ignore[arg-type]


async def follow(handle: Handle[bytes], producer: Producer) -> None:
    assert_type(await handle.result(), bytes)
    assert_type(await handle.result(timeout=timedelta(seconds=1)), bytes)
    assert_type(await handle.state(), JobState)
    assert_type(await handle.info(), JobInfo | None)
    assert_type(await handle.cancel(timeout=1), bool)
    assert_type(await handle.progress(), Progress | None)
    async for progress in handle.watch():
        assert_type((progress.done, progress.total, progress.share), tuple[float, float | None, float | None])
    async for other, told in producer.watch([handle]):
        assert_type((other, told), tuple[Handle[bytes], Progress])
    assert_type((handle.job_id, handle.queue, handle.existed), tuple[str, str, bool])
    assert_type(producer.handle("id", queue="slow"), Handle[Any])
    assert_type(producer.handle("id", type=bytes), Handle[bytes])
    assert_type(producer.handle("id", queue=Queue("slow")), Handle[Any])
    assert_type((Producer(queue=Queue("slow")), SyncProducer(queue=Queue("slow"))), tuple[Producer, SyncProducer])
    assert_type((named("fetch", queue=Queue("slow")).name, Queue("slow").name), tuple[str, str])
    wider: Handle[object] = handle
    assert wider


def sync(producer: SyncProducer) -> None:
    handle = producer.enqueue(fetch, "u")
    assert_type(handle, SyncHandle[bytes])
    assert_type(handle.result(timeout=1), bytes)
    assert_type(handle.state(), JobState)
    assert_type(handle.cancel(), bool)
    assert_type(handle.info(), JobInfo | None)
    for told in handle.watch():
        assert_type(told, Progress)
    for watched, told in producer.watch([handle]):
        assert_type((watched, told), tuple[SyncHandle[bytes], Progress])
    assert_type(handle.progress(), Progress | None)
    assert_type(producer.enqueue("fetch", 1), SyncHandle[Any])
    assert_type(producer.enqueue_many(count_primes, [(1, 2)]), list[SyncHandle[int]])
    assert_type(producer.map(count_primes, [(1, 2)]), list[int])
    assert_type(producer.map([fetch.bind("u")]), list[bytes])
    assert_type(producer.enqueue(fetch.bind("u")), SyncHandle[bytes])
    assert_type(producer.enqueue_many([fetch.bind("u")]), list[SyncHandle[bytes]])
    assert_type(producer.handle("id", type=int), SyncHandle[int])
    for other, value in producer.as_completed([handle]):
        assert_type(other, SyncHandle[bytes])
        assert_type(value, bytes)

    producer.enqueue(fetch, 1)  # type: ignore[call-overload]
    producer.enqueue(count_primes, 1)  # type: ignore[call-overload]
