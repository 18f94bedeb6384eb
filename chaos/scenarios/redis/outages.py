"""T4, T7, T15, T16, T17, T19: Redis is away, silent, full, read-only or forgetful; no worker may exit because of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import psutil
from redis.exceptions import RedisError

from chaos.checks.ledger import FAULT, FINISH, HEAL, START
from chaos.environment import LEASE_S, Environment
from chaos.faults.proxy import FaultProxy
from chaos.outcome import Outcome, check_basics
from chaos.processes.fleet import Fleet

BLACK_HOLE_S: Final = 20.0
SOCKET_TIMEOUT_S: Final = 5.0
FULL_BYTES: Final = 8_000_000


async def redis_down(environment: Environment) -> Outcome:
    """Redis is killed with jobs in the queue, and stays away for a while."""
    fleet = await environment.start_workers()
    await environment.enqueue(count=100)
    enqueuer = await environment.start_enqueuer(count=5_000, per_second=1_500, prefix="later")
    await environment.until(lambda: len(environment.events(FINISH)) > 500, 30)
    down_s = environment.sized(ci=10, short=15, long=60)
    before_s = _cpu_seconds(fleet)
    await environment.restart_redis(down_s)
    cpu_share = (_cpu_seconds(fleet) - before_s) / down_s
    await enqueuer.wait()
    outcome = await environment.settle()
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.facts["cpu_share_while_down"] = round(cpu_share, 4)
    outcome.check("resume max s", round(max(outcome.figures.resume, default=99.0), 2), at_most=2)
    outcome.check("cpu of all workers while down", round(cpu_share, 3), at_most=0.05 * len(fleet.pids() or [1, 2]))
    return outcome


async def black_hole(environment: Environment) -> Outcome:
    """One of two workers can reach nobody for 20 s, and no connection breaks."""
    proxy = FaultProxy(environment.redis.port, environment.rng)
    await proxy.open()
    deaf = await environment.start_workers(url=proxy.url, workers=1)
    await environment.start_workers(workers=1)
    enqueuer = await environment.start_enqueuer(count=2_000, per_second=60, longest_ms=400)
    await environment.until(lambda: len({event.pid for event in environment.events(START)}) == 2, 30)
    await asyncio.sleep(1)
    [victim] = deaf.pids()
    fault = environment.ledger.note(FAULT, pid=victim, note="black hole")
    proxy.deaf = True
    await asyncio.sleep(BLACK_HOLE_S)
    proxy.deaf = False
    if environment.control:
        proxy.break_all()  # stock arq has no socket timeout: without this it would hang forever
    environment.ledger.note(HEAL, note="black hole")
    await enqueuer.wait()
    outcome = await environment.settle()
    await proxy.close()
    met = {
        event.job_id: event.mono_ns
        for event in environment.events(START)
        if event.pid == victim and event.mono_ns < fault.mono_ns
    }
    outcome.figures.recovery = _recoveries(environment, met, victim, fault.mono_ns)
    check_basics(outcome, environment.fleets, planned_deaths=0)
    recovery = outcome.figures.recovery
    outcome.check("RECOVERY max s", round(max(recovery, default=0.0), 2), at_most=LEASE_S + 2)
    return outcome


def _recoveries(environment: Environment, met: dict[str, int], victim: int, fault_ns: int) -> list[float]:
    """The times from the fault to the next run elsewhere."""
    return [
        (event.mono_ns - fault_ns) / 1e9
        for event in environment.events(START)
        if event.job_id in met and event.pid != victim and event.mono_ns > fault_ns
    ]


async def redis_full(environment: Environment) -> Outcome:
    """Jobs are enqueued until Redis refuses them (maxmemory, noeviction); workers go on and free memory."""
    await environment.redis.client.config_set("maxmemory", FULL_BYTES)
    enqueuer = await environment.start_enqueuer(count=40_000, shortest_ms=0, longest_ms=2, retry_for_s=1.0)
    await enqueuer.wait()
    fleet = await environment.start_workers(concurrency=100)
    refused = outcome_refused = 0
    await environment.until_first_run()
    later = await environment.start_enqueuer(count=500, per_second=100, longest_ms=2, prefix="later", retry_for_s=30)
    await later.wait()
    outcome = await environment.settle()
    check_basics(outcome, [fleet], planned_deaths=0)
    refused = outcome.figures.refused
    outcome_refused = sum("Redis is full" in event.note for event in environment.events("enqueue-refused"))
    outcome.facts["refused_with_reason"] = outcome_refused
    outcome.check("enqueues refused", refused > 0, equals=True)
    outcome.check("refusals that say why", outcome_refused, equals=refused)
    return outcome


async def disk_full(environment: Environment) -> Outcome:
    """Redis cannot write its AOF: it refuses every write (MISCONF) until there is room; then it is killed."""
    await environment.start_workers()
    full_s = environment.sized(ci=5, short=8, long=30)
    per_second = 250
    enqueuer = await environment.start_enqueuer(count=per_second * (full_s + 8), per_second=per_second)
    await environment.until_first_run()
    await asyncio.sleep(3)
    environment.ledger.note(FAULT, note="disk full")
    environment.redis.fill_disk()
    await asyncio.sleep(full_s)
    environment.redis.empty_disk()
    while (await environment.redis.client.info("persistence"))["aof_last_write_status"] != "ok":
        await asyncio.sleep(0.02)
    environment.ledger.note(HEAL, note="disk has room")
    await asyncio.sleep(2)
    await environment.restart_redis()  # what was acknowledged while the disk was full must be in the AOF now
    await enqueuer.wait()
    outcome = await environment.settle()
    refusals = environment.events("enqueue-refused")
    unexplained = [event.note for event in refusals if "cannot save to disk" not in event.note]
    outcome.facts |= {"refused_with_reason": len(refusals) - len(unexplained), "other_refusals": unexplained[:5]}
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("refusals that do not say why", len(unexplained), equals=0)
    outcome.check("resume max s", round(max(outcome.figures.resume, default=99.0), 2), at_most=2)
    return outcome


async def redis_read_only(environment: Environment) -> Outcome:
    """Redis becomes a replica of an unreachable primary for 10 s under load, as after a failover."""
    await environment.start_workers()
    enqueuer = await environment.start_enqueuer(count=5_000, per_second=250)
    await environment.until_first_run()
    await asyncio.sleep(2)
    environment.ledger.note(FAULT, note="read-only")
    await environment.redis.command("REPLICAOF", "127.0.0.1", "1")
    await asyncio.sleep(10)
    await environment.redis.command("REPLICAOF", "NO", "ONE")
    environment.ledger.note(HEAL, note="read-only")
    await enqueuer.wait()
    outcome = await environment.settle()
    check_basics(outcome, environment.fleets, planned_deaths=0)
    outcome.check("resume max s", round(max(outcome.figures.resume, default=99.0), 2), at_most=2)
    return outcome


async def redis_forgets(environment: Environment) -> Outcome:
    """Scripts are flushed, connections killed, and Redis sleeps; one fault per second."""
    await environment.start_workers()
    enqueuer = await environment.start_enqueuer(
        count=environment.sized(ci=3_000, short=10_000, long=20_000), per_second=500
    )
    await environment.until_first_run()
    redis = environment.redis
    faults: dict[str, Callable[[], Awaitable[object]]] = {
        "script flush": lambda: redis.command("SCRIPT", "FLUSH"),
        "client kill": lambda: redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
        "sleep 1 s": lambda: redis.command("DEBUG", "SLEEP", "1"),
    }
    done: dict[str, int] = {}

    async def fault() -> None:
        name = environment.rng.choice(sorted(faults))
        done[name] = done.get(name, 0) + 1
        environment.ledger.note(FAULT, note=name)
        with suppress(RedisError, OSError):
            await faults[name]()

    await environment.while_running(enqueuer, 1.0, fault)
    environment.ledger.note(FAULT, note="sleep 6 s")  # longer than every socket timeout
    with suppress(RedisError, OSError, TimeoutError):
        await redis.command("DEBUG", "SLEEP", "6")
    outcome = await environment.settle()
    outcome.facts["faults"] = done
    check_basics(outcome, environment.fleets, planned_deaths=0)
    return outcome


def _cpu_seconds(fleet: Fleet) -> float:
    total = 0.0
    for pid in fleet.pids():
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total
