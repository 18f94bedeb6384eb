"""T38, T39: a Redis Cluster under load: slots of queues move, and primaries that serve them are killed.

One queue has four shards, spread over all three primaries; another has no shards.

Redis replicates asynchronously: whatever a queue does, writes that a primary acknowledged but had not replicated are
lost with it. So losses after a failover are counted, and each must be explained: the job was acknowledged shortly
before a kill, its shard was on the killed primary, and it is on that primary's disk but never reached its replica's.
Nothing else may be lost.
"""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from chaos.checks.ledger import ACKED, FAULT, HEAL, START, Event, count_events
from chaos.checks.order import overtaken_s
from chaos.environment import FORBEARING, Environment
from chaos.outcome import Outcome, check_basics, check_beside_losses, slow_start_s
from chaos.processes.cluster import NODE_TIMEOUT_MS, Cluster, ClusterNode
from chaos.processes.enqueuer import ENDLESS
from chaos.processes.redis_server import find_in_aof
from chaos.queues.native import CLUSTERED, NAME, SHARDED, SHARDS, WHOLE_PREFIX, count_jobs, tag_of_job
from monarq.shared.formats.native.keys import FLEET_BEATS, NativeKeys
from monarq.shared.formats.native.sharded.growth import set_shards

RESUME_S: Final = NODE_TIMEOUT_MS / 1000 + 5.0
REPLICATION_NS: Final = 1_000_000_000
"""How long before a kill an acknowledged job may not have been replicated; far more than on an idle machine."""

IN_FLIGHT_NS: Final = 100_000_000
"""A reply in flight at a kill is recorded within this time."""

OVERTAKEN_S: Final = 2.0
"""Workers claim in order but start jobs in parallel: one of them may wait this long for a core or for its node."""

KILL_EVERY: Final = 4
_WORKERS: Final = 2
_CONCURRENCY: Final = 20
_QUIET_S: Final = 1.0


async def move_slots(environment: Environment) -> Outcome:
    """The slots of the shards in turn, and sometimes that of the fleet, move between primaries while jobs run.

    Sometimes a worker is killed during a move.
    """
    cluster = Cluster(environment.directory / "cluster")
    moves: Counter[str] = Counter()
    busy: Counter[str] = Counter()
    try:
        await cluster.start()
        count = environment.sized(ci=800, short=5000, long=50_000)
        per_second = environment.sized(ci=150, short=250, long=1000)
        wanted = environment.sized(ci=1, short=len(CLUSTERED.tags), long=len(CLUSTERED.tags))
        # 50 % more than the workers can run, so that jobs wait in every shard even if enqueuers are slow.
        longest_ms = round(2 * 1000 * _WORKERS * _CONCURRENCY / (per_second / 1.5))
        await _open_queues(environment, cluster)
        enqueuers = await _start_enqueuers(environment, cluster, count, per_second, longest_ms)
        await _start_workers(environment, cluster)
        await environment.until_first_run()

        async def move() -> None:
            number = moves.total()
            key, tag = FLEET_BEATS, CLUSTERED.tags[number % len(CLUSTERED.tags)]
            if number % 3 != 2:
                key = NativeKeys.of(tag).key("meta")
                busy[tag] += min(await count_jobs(cluster.client, tag)) > 0
            source = await cluster.holder(key)
            moves[key] += 1
            environment.ledger.note(FAULT, note=f"slot of {key} leaves {source.port}")
            if moves.total() % KILL_EVERY == 0:
                environment.kill_worker(environment.fleets[0])
            to = await cluster.other_primary(source, environment.rng)
            await cluster.move_slot(key, to, pause_s=environment.rng.uniform(0, 0.3), keys_a_call=3)
            environment.ledger.note(FAULT, note="it has arrived")

        await environment.while_running(enqueuers, 1.0, move)
        while len(+busy) < wanted or moves.total() < KILL_EVERY:
            if not await environment.queue.waiting(cluster.client):
                break
            await move()  # all jobs were enqueued before that many moves were made
        outcome = await environment.settle(300)
    finally:
        await cluster.stop()
    check_basics(outcome, environment.fleets)
    overtaken = overtaken_s(environment.events(), tag_of_job)
    outcome.facts |= {"moves": moves.total(), "moves_by_key": moves, "moves_with_waiting_and_running_jobs": +busy}
    outcome.facts |= {"overtaken": len(overtaken)}
    outcome.check("shards that moved with waiting and running jobs", len(+busy) >= wanted, equals=True)
    latest_s = round(max(overtaken, default=0.0), 2)
    outcome.check("overtaken by later jobs of the shard, max s", latest_s, at_most=OVERTAKEN_S)
    return outcome


@dataclass(frozen=True, slots=True)
class Kill:
    """The kill of a primary.

    Attributes:
        port: the primary's port.
        tags: the hash tags of the shards that it served.
        began_ns: when it was just about to be killed.
        ended_ns: when it had been killed.
        promoted_ns: when its replica had taken over.
        old_disk: its AOF.
        new_disk: its replica's AOF.
    """

    port: int
    tags: tuple[str, ...]
    began_ns: int
    ended_ns: int
    promoted_ns: int
    old_disk: Path
    new_disk: Path


@dataclass(frozen=True, slots=True)
class Loss:
    """An acknowledged job that was lost.

    Attributes:
        job_id: the job.
        shard: its shard.
        kill: the number of the kill that explains it; None if none does.
        ms_before: how long before the kill it was acknowledged, in ms.
        on_old_disk: whether the killed primary had written it.
        on_new_disk: whether the replica had.
        ran: whether it had begun to run.
    """

    job_id: str
    shard: str
    kill: int | None = None
    ms_before: float = 0.0
    on_old_disk: bool = False
    on_new_disk: bool = False
    ran: bool = False


async def fail_over(environment: Environment) -> Outcome:
    """Primaries that serve shards are killed one after the other, and their replicas promoted."""
    # The AOF of a killed primary is searched for what it had acknowledged. So nothing may be in a compressed base file,
    # or be written after its acknowledgement, as with everysec on a slow disk.
    cluster = Cluster(
        environment.directory / "cluster",
        replicas=1,
        repl_diskless_sync_delay="0",
        auto_aof_rewrite_percentage="0",
        appendfsync="no",
    )
    kills: list[Kill] = []
    failovers = environment.sized(ci=1, short=3, long=10)
    try:
        await cluster.start()
        count = environment.sized(ci=1200, short=8000, long=50_000)
        per_second = environment.sized(ci=120, short=250, long=500)
        await _open_queues(environment, cluster)
        await _start_workers(environment, cluster)
        enqueuers = await _start_enqueuers(environment, cluster, ENDLESS, per_second, longest_ms=40)
        start_s = await environment.until_first_run()
        resume_s = RESUME_S + slow_start_s(start_s)
        for _ in range(failovers):
            await asyncio.sleep(_QUIET_S)
            kills.append(await _kill_primary(environment, cluster, len(kills)))
            # By then work has resumed, or it is too late: jobs after the next kill would say nothing about this one.
            await asyncio.sleep(kills[-1].began_ns / 1e9 + resume_s - time.monotonic())
        await environment.until(lambda: count_events(environment.ledger_directory, "enqueuer") >= count, 600)
        for enqueuer in enqueuers:
            enqueuer.terminate()
            await enqueuer.wait()
        outcome = await environment.settle(120)
    finally:
        await cluster.stop()
    losses = _find_losses(environment.events(), environment.results, kills)
    _check_losses(outcome, losses)
    _check_again(outcome, environment.events(), kills, resume_s)
    figures = outcome.figures
    outcome.facts |= {
        "failovers": failovers,
        "killed": [f"{kill.port}: {' '.join(kill.tags)}" for kill in kills],
        "promoted_s": [round((kill.promoted_ns - kill.began_ns) / 1e9, 2) for kill in kills],
        "enqueues_refused": figures.refused,
        "enqueues_unknown": figures.unknown,
    }
    check_beside_losses(outcome, environment.fleets, planned_deaths=0)
    outcome.check("left in the queue", outcome.facts["left_in_queue"], equals=0)
    return outcome


async def _open_queues(environment: Environment, cluster: Cluster) -> None:
    """Shards the queues first: earlier jobs would all wait in shard 0, and be overtaken by those of other shards."""
    environment.client, environment.queue = cluster.client, CLUSTERED
    await set_shards(cluster.client, SHARDED, SHARDS)


async def _start_workers(environment: Environment, cluster: Cluster) -> None:
    """Starts workers of both queues."""
    await environment.start_workers(
        *FORBEARING, url=cluster.url, workers=_WORKERS, concurrency=_CONCURRENCY, target="chaos.jobs.sharded"
    )


async def _start_enqueuers(
    environment: Environment, cluster: Cluster, count: int, per_second: float, longest_ms: int
) -> list[Process]:
    """Starts enqueuers for both queues.

    Three fifths of the jobs go to the shards with chosen ids, one fifth with generated ids, and one fifth to the other
    queue.

    Args:
        environment: the scenario's environment.
        cluster: the cluster with the queues.
        count: the total number of jobs.
        per_second: how many jobs per second.
        longest_ms: the longest duration of a job.
    """
    plans: list[tuple[int, dict[str, Any]]] = [
        (3, {"queue": SHARDED}),
        (1, {"queue": SHARDED, "named": False}),
        (1, {"queue": NAME, "prefix": WHOLE_PREFIX.removesuffix("-")}),
    ]
    return [
        await environment.start_enqueuer(
            url=cluster.url,
            count=count * share // 5,
            per_second=per_second * share / 5,
            longest_ms=longest_ms,
            **changes,
        )
        for share, changes in plans
    ]


async def _kill_primary(environment: Environment, cluster: Cluster, number: int) -> Kill:
    """Kills one of the primaries that serve a shard; returns when it is back as a replica."""
    held: dict[ClusterNode, list[str]] = {}
    for tag in CLUSTERED.tags:
        held.setdefault(await cluster.holder(NativeKeys.of(tag).key("meta")), []).append(tag)
    victim = environment.rng.choice(sorted(held, key=lambda node: held[node]))
    tags = tuple(held[victim])
    environment.ledger.note(FAULT, note=f"primary {victim.port} killed, which held {' '.join(tags)}")
    began_ns = time.monotonic_ns()
    await victim.kill()
    ended_ns = time.monotonic_ns()
    environment.ledger.note(FAULT, note="it is dead")
    await cluster.until_without(victim)
    promoted_ns = time.monotonic_ns()
    environment.ledger.note(HEAL, note="replica took over")
    disks = [environment.directory / f"aof-{number}-{side}" for side in ("old", "new")]
    victim.link_aof(disks[0])
    (await cluster.holder(NativeKeys.of(tags[0]).key("meta"))).link_aof(disks[1])
    await asyncio.sleep(_QUIET_S)
    await victim.start()
    await cluster.until_whole()
    return Kill(victim.port, tags, began_ns, ended_ns, promoted_ns, *disks)


def _find_losses(events: Sequence[Event], results: dict[str, str | None], kills: Sequence[Kill]) -> list[Loss]:
    """The acknowledged jobs without a result, and the evidence that a kill is the reason."""
    acked = {event.job_id: event.mono_ns for event in events if event.what == ACKED}
    lost = [job_id for job_id in acked if results[job_id] is None]
    ran = {event.job_id for event in events if event.what == START}
    disks = [(find_in_aof(kill.old_disk, lost), find_in_aof(kill.new_disk, lost)) for kill in kills]
    losses = []
    for job_id in lost:
        tag, acked_ns = tag_of_job(job_id), acked[job_id]
        loss = Loss(job_id, tag, ran=job_id in ran)
        for number, (kill, (old, new)) in enumerate(zip(kills, disks, strict=True)):
            if tag in kill.tags and kill.began_ns - REPLICATION_NS <= acked_ns <= kill.ended_ns + IN_FLIGHT_NS:
                ms = round((kill.began_ns - acked_ns) / 1e6, 1)
                loss = Loss(job_id, tag, number, ms, job_id in old, job_id in new, job_id in ran)
        losses.append(loss)
    return losses


def _check_losses(outcome: Outcome, losses: Sequence[Loss]) -> None:
    """Checks that each lost job was on the disk of a primary killed just then, and had not reached its replica."""
    explained = [loss for loss in losses if loss.kill is not None and loss.on_old_disk and not loss.on_new_disk]
    outcome.facts |= {
        "lost_by_failover": len(explained),
        "lost_by_shard": Counter(loss.shard for loss in explained),
        "lost_by_kill": Counter(str(loss.kill) for loss in explained),
        "lost_ms_before_kill_max": max((loss.ms_before for loss in explained), default=0.0),
        "losses": [asdict(loss) for loss in losses],
    }
    outcome.check("losses that no failover explains", outcome.figures.lost - len(explained), equals=0)


def _check_again(outcome: Outcome, events: Sequence[Event], kills: Sequence[Kill], resume_s: float) -> None:
    """Checks how soon a job enqueued after a kill ran in each shard that the killed primary had served.

    A job that ran before the reply to its enqueue does not count: the enqueue may have been sent before the kill.
    """
    started = {event.job_id: event.mono_ns for event in reversed(events) if event.what == START}
    acked = [event for event in events if event.what == ACKED]
    ends = [kill.began_ns for kill in kills[1:]] + [2**63]
    longest: list[float] = []
    for kill, end_ns in zip(kills, ends, strict=True):
        first = dict.fromkeys(kill.tags, end_ns)
        for event in acked:
            tag, start_ns = tag_of_job(event.job_id), started.get(event.job_id, 0)
            if tag in first and kill.ended_ns + IN_FLIGHT_NS < event.mono_ns < end_ns and start_ns > kill.ended_ns:
                first[tag] = min(first[tag], start_ns)
        longest.append(round((max(first.values()) - kill.began_ns) / 1e9, 2))
    outcome.facts["kill_to_work_s"] = longest
    outcome.check("kill to work max s", max(longest), at_most=round(resume_s, 2))
