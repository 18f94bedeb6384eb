"""One job id, two workers, all that can go wrong with them, and every order in which it can: to the last one.

A world is a small frozen value, a step is a pure function of it, and tokens are named afresh in each world by where
they appear; so there are finitely many worlds however often workers die, stand still or try again, and all are
walked. The walk goes breadth first: the trace to whatever it finds is a shortest one.

What a queue's scripts do is left to `Rules`: arq 0.28's and monarq's. Left out are times (a lease that nobody renews
may end at any moment, a job is always due) and lanes. Taken as given: a result lives until an enqueue whose reply
was lost has been repeated, which takes seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Final

GENERATIONS: Final = 3
"""How often the id is enqueued; the first time is generation 1."""


class Harm(StrEnum):
    """What must not happen."""

    LOST = "an acknowledged job has not ended and is in no queue"
    RESURRECTED = "a job has ended and its id is in the queue again"
    OVERWRITTEN = "the result of a job that was done is now a failure"
    DUPLICATE = "a run was begun while the one before was neither given back, nor dead, nor past its lease"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a queue's scripts look at.

    Attributes:
        finish_asks: finish compares the token; else it deletes whatever is there.
        retry_asks: a Retry compares the token; else its ZINCRBY puts the id into the queue, even where it is not.
        enqueue_asks: an id whose job somebody runs is not free.
        claim_drops: a claim drops an id whose job has ended; else it is run, and fails as expired.
        repeats: a call whose reply was lost is made again; else its worker dies and its client gives up.
    """

    finish_asks: bool = True
    retry_asks: bool = True
    enqueue_asks: bool = True
    claim_drops: bool = True
    repeats: bool = True


MONARQ: Final = Rules()
ARQ: Final = Rules(finish_asks=False, retry_asks=False, enqueue_asks=False, claim_drops=False, repeats=False)


@dataclass(frozen=True, slots=True)
class Worker:
    """What one worker does.

    Attributes:
        token: of its claim; 0 for none.
        runs: the generation that it runs, 0 for an id without a payload; None where the claim's reply was lost.
        paused: it stands still, and its lease is not renewed.
        sent: the call whose reply was lost, "finish" or "retry"; it makes that one again.
    """

    token: int = 0
    runs: int | None = None
    paused: bool = False
    sent: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Everything at one moment.

    Attributes:
        member, payload, owner, result: what Redis holds: whether the id is in the queue, which generation's payload
            (0: none), the token in arq:in-progress (0: none), and "", "done" or "failed".
        generation, ended: the newest job of the id that was enqueued, and whether a run of it was recorded.
        running: the token of the run that may go on, as one who sees all knows; 0 for none.
        unsure: the generation whose enqueue had no reply and will be repeated; 0 for none.
    """

    member: bool = False
    payload: int = 0
    owner: int = 0
    result: str = ""
    generation: int = 0
    ended: bool = True
    running: int = 0
    unsure: int = 0
    workers: tuple[Worker, Worker] = (Worker(), Worker())


Step = tuple[str, World]


def steps(rules: Rules, world: World) -> Iterator[Step]:
    """Everything that can happen next."""
    yield from _client_steps(rules, world)
    yield from _time_steps(world)
    for at, worker in enumerate(world.workers):
        if worker.token == 0:
            yield from _claims(rules, world, at)
            continue
        yield from _mishaps(rules, world, at)
        if not worker.paused and worker.runs is not None:
            yield from _ends(rules, world, at)


def _client_steps(rules: Rules, world: World) -> Iterator[Step]:
    if world.unsure:
        again = world if world.payload or world.result or world.owner else _enqueued(world, world.unsure)
        yield "enqueue is repeated", replace(again, unsure=0)
        return
    is_free = not world.payload and not world.result and not (rules.enqueue_asks and world.owner)
    if is_free and world.generation < GENERATIONS:
        added = _enqueued(world, world.generation + 1)
        yield f"enqueue {added.generation}", added
        if rules.repeats:
            yield f"enqueue {added.generation}, reply lost", replace(added, unsure=added.generation)


def _enqueued(world: World, generation: int) -> World:
    return replace(world, member=True, payload=generation, generation=generation, ended=False, running=0)


def _time_steps(world: World) -> Iterator[Step]:
    if world.result and not world.unsure:
        yield "the result's time is over", replace(world, result="")
    # The owner renews its lease for as long as it lives and does not stand still.
    renewing = [one.token for one in world.workers if one.runs is not None and not one.paused]
    if world.owner and world.owner not in renewing:
        yield "the lease ends", _freed(world, world.owner)


def _freed(world: World, token: int) -> World:
    return replace(world, owner=0, running=0 if world.running == token else world.running)


def _claims(rules: Rules, world: World, at: int) -> Iterator[Step]:
    if not world.member or world.owner:
        return
    if rules.claim_drops and not world.payload and world.result:
        yield f"w{at + 1} finds a ghost", replace(world, member=False)
        return
    token = 1 + max(world.running, *(one.token for one in world.workers))
    taken = replace(world, owner=token)
    yield f"w{at + 1} claims, reply lost", _with(taken, at, Worker(token))
    run = _with(replace(taken, running=token if world.payload else 0), at, Worker(token, world.payload))
    yield f"w{at + 1} claims {world.payload or 'no payload'}", run


def _mishaps(rules: Rules, world: World, at: int) -> Iterator[Step]:
    worker = world.workers[at]
    gone = _with(world, at, Worker())
    yield f"w{at + 1} dies", replace(gone, running=0 if world.running == worker.token else world.running)
    yield (
        f"w{at + 1} {'goes on' if worker.paused else 'stands still'}",
        _with(world, at, replace(worker, paused=not worker.paused)),
    )
    if not rules.repeats or worker.paused:
        return
    if worker.runs is None:
        yield f"w{at + 1} releases its claim", _freed(gone, worker.token) if world.owner == worker.token else gone
    elif world.owner != worker.token:
        yield f"w{at + 1} is told that it lost", gone


def _ends(rules: Rules, world: World, at: int) -> Iterator[Step]:
    worker = world.workers[at]
    for call in (worker.sent,) if worker.sent else ("finish", "retry") if worker.runs else ("finish",):
        after = (_finished if call == "finish" else _retried)(rules, world, worker)
        refused = " in vain" if after is world else ""
        yield f"w{at + 1} calls {call}{refused}", _with(after, at, Worker())
        if rules.repeats:
            yield f"w{at + 1} calls {call}{refused}, reply lost", _with(after, at, replace(worker, sent=call))
        # Without repeats the worker dies of it: the world is the same as after a reply.


def _finished(rules: Rules, world: World, worker: Worker) -> World:
    if rules.finish_asks and world.owner != worker.token:
        return world
    own = worker.runs == world.generation
    return replace(
        world,
        member=False,
        payload=0,
        owner=0,
        result="done" if worker.runs else "failed",
        ended=world.ended or own,
        running=0 if own else world.running,
    )


def _retried(rules: Rules, world: World, worker: Worker) -> World:
    if rules.retry_asks and world.owner != worker.token:
        return world
    return replace(_freed(world, worker.token), member=True)


def _with(world: World, at: int, worker: Worker) -> World:
    first, second = world.workers
    return replace(world, workers=(worker, second) if at == 0 else (first, worker))


def harms(before: World, after: World) -> Iterator[Harm]:
    """What a step has done."""
    if not after.ended and not (after.member and after.payload == after.generation):
        yield Harm.LOST
    if after.ended and after.member:
        yield Harm.RESURRECTED
    if before.result == "done" and after.result == "failed":
        yield Harm.OVERWRITTEN
    if before.running and after.running not in (0, before.running):
        yield Harm.DUPLICATE


def named_anew(world: World) -> World:
    """The same world with its tokens numbered by where they appear."""
    first, second = world.workers
    names = {0: 0}
    for token in (world.owner, world.running, first.token, second.token):
        names.setdefault(token, len(names))
    if all(token == name for token, name in names.items()):
        return world
    return replace(
        world,
        owner=names[world.owner],
        running=names[world.running],
        workers=(replace(first, token=names[first.token]), replace(second, token=names[second.token])),
    )


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk through all worlds has found: a shortest trace to each harm, and how much there was to see."""

    traces: dict[Harm, list[str]]
    worlds: int
    steps: int
    labels: frozenset[str]


@cache
def walk(rules: Rules) -> Walk:
    """Walks through every world that can be reached."""
    origin: dict[World, tuple[World, str] | None] = {World(): None}
    traces: dict[Harm, list[str]] = {}
    labels: set[str] = set()
    taken = 0
    ahead = deque([World()])
    while ahead:
        world = ahead.popleft()
        for label, raw in steps(rules, world):
            taken += 1
            labels.add(label)
            for harm in harms(world, raw):
                if harm not in traces:
                    traces[harm] = [*_trace(origin, world), label]
            after = named_anew(raw)
            if after not in origin:
                origin[after] = (world, label)
                ahead.append(after)
    return Walk(traces, len(origin), taken, frozenset(labels))


def _trace(origin: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    labels = []
    while (before := origin[world]) is not None:
        world, label = before
        labels.append(label)
    return labels[::-1]
