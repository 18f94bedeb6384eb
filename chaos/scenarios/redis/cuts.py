"""T5, T6: connections break at each kind of call, after Redis has executed it or before it gets it."""

from __future__ import annotations

import asyncio
import time

from chaos.checks.ledger import FINISH, START, UNKNOWN
from chaos.environment import Environment
from chaos.faults.proxy import Cut, FaultProxy, Rule
from chaos.jobs.crons import PREFIX as CRON
from chaos.outcome import Outcome, check_basics
from chaos.processes.enqueuer import ENDLESS
from monarq.producer import named


async def cut_replies(environment: Environment) -> Outcome:
    """Redis executes the call, and its reply is lost."""
    return await _cut(environment, Cut.REPLY)


async def cut_requests(environment: Environment) -> Outcome:
    """Redis never gets the call."""
    return await _cut(environment, Cut.REQUEST)


async def _cut(environment: Environment, cut: Cut) -> Outcome:
    proxy = FaultProxy(environment.redis.port, environment.rng)
    await proxy.open()
    rules = _rules(environment, cut)
    # Many workers with short leases make many renewals to cut. But a job runs twice if its worker waits too long for a
    # core to renew its lease, which no cut explains; so with few cuts, the machine may be slow.
    workers, lease_s = environment.sized(ci=4, short=8, long=8), environment.sized(ci=4, short=2, long=2)
    await environment.start_workers(url=proxy.url, workers=workers, lease_s=lease_s, target="chaos.jobs.crons")
    # In the native format, a different script enqueues jobs with chosen ids.
    work = await environment.start_enqueuer(
        url=proxy.url,
        count=ENDLESS,
        per_second=environment.sized(ci=75, short=150, long=150),
        named=environment.format == "arq",
    )
    again = await environment.start_enqueuer(url=proxy.url, count=ENDLESS, per_second=50, job="retried", prefix="again")
    await environment.until_first_run()
    await asyncio.sleep(1)  # from now on scripts are called by their SHA
    proxy.rules = rules
    cancels = asyncio.create_task(_cancel_some(environment, proxy.url, rules)) if not environment.control else None
    await _until_done(rules, environment.sized(ci=90, short=90, long=400), environment.queue.rare_scripts)
    proxy.rules = []
    for enqueuer in (work, again):
        enqueuer.terminate()
        await enqueuer.wait()
    if not environment.control:
        await until_ticks_caught_up(environment)
    wrong_cancels = await cancels if cancels else 0
    outcome = await environment.settle(60 if environment.control else 10, endless=CRON)
    await proxy.close()
    outcome.figures.phantom -= count_ticks(environment)
    outcome.facts["cuts"] = {rule.name: rule.done for rule in rules}
    check_basics(outcome, environment.fleets)
    for rule in rules:
        if rule.name not in environment.queue.rare_scripts:
            outcome.check(f"{rule.name} cut", rule.done, equals=rule.done + rule.left)
    if cancels:
        outcome.check("cancellations that went wrong", wrong_cancels, equals=0)
        outcome.check("cron ticks missing", count_missing_ticks(environment), equals=0)
    return outcome


def _rules(environment: Environment, cut: Cut) -> list[Rule]:
    count = environment.sized(ci=20, short=200, long=1000)
    if environment.control:
        return [Rule("EXEC", b"EXEC", cut, count, 0.1)]
    cron = Rule("cron", CRON.encode(), cut, count, 0.8)
    shares = environment.queue.cut_shares
    shas = {name: environment.queue.sha_of(name).encode() for name in shares}
    return [cron, *(Rule(name, shas[name], cut, count, share) for name, share in shares.items())]


async def _until_done(rules: list[Rule], longest_s: float, rare: frozenset[str]) -> None:
    needed = [rule for rule in rules if rule.name not in rare]
    loop = asyncio.get_running_loop()
    end_s = loop.time() + longest_s
    while any(rule.left for rule in needed) and loop.time() < end_s:
        await asyncio.sleep(0.1)


async def until_ticks_caught_up(environment: Environment) -> None:
    """Waits until no cron is late: a tick enqueued while the last worker leaves would look like a leak."""
    async with asyncio.timeout(120):
        while True:
            await asyncio.sleep(1)
            read_s = time.time()  # reading a long ledger takes a while
            newest: dict[str, int] = {}
            # In a thread: this one runs the proxy, and reading a ledger for seconds would cost leases.
            for event in await asyncio.to_thread(environment.events, FINISH):
                if event.job_id.startswith(CRON):
                    name, _, at_ms = event.job_id.rpartition(":")
                    newest[name] = max(newest.get(name, 0), int(at_ms))
            if min(newest.values()) / 1000 > read_s - 2:
                return


async def _cancel_some(environment: Environment, url: str, rules: list[Rule]) -> int:
    """Cancels waiting and running jobs as long as there are cuts to make; returns how many were not cancelled."""
    rule = next(rule for rule in rules if rule.name == "jobs/cancel")
    gate = asyncio.Semaphore(16)
    wrong = 0

    async def cancel_one(number: int) -> None:
        nonlocal wrong
        async with gate:
            job_id = f"cancel-{number}"
            # It may or may not run, like the job of an enqueue whose outcome is unknown.
            environment.ledger.note(UNKNOWN, job_id)
            delay_s = environment.rng.choice((0.0, 30.0))
            handle = await producer.enqueue(named("work").options(job_id=job_id, defer_by=delay_s), 20_000)
            wrong += not await handle.cancel(timeout=20)

    async with environment.producer(url, retry_for=60) as producer, asyncio.TaskGroup() as group:
        number = 0
        while rule.left and number < 2000:
            number += 1
            group.create_task(cancel_one(number))
            await asyncio.sleep(0.02)
    return wrong


def count_ticks(environment: Environment) -> int:
    """Ticks that ran: only workers enqueue them, so the checker counts them as phantoms."""
    return len({event.job_id for event in environment.events(START) if event.job_id.startswith(CRON)})


def count_missing_ticks(environment: Environment) -> int:
    """Ticks between the first and the last of each declaration that never finished."""
    seconds: dict[str, set[int]] = {}
    for event in environment.events(FINISH):
        if event.job_id.startswith(CRON):
            name, _, at_ms = event.job_id.rpartition(":")
            seconds.setdefault(name, set()).add(int(at_ms) // 1000)
    return sum(max(found) - min(found) + 1 - len(found) for found in seconds.values())
