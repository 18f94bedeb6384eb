"""The fences of the native format in a world so small that all of it can be seen, to the last order of events.

One id that is free again as soon as its job has ended; a worker to which everything happens: replies that are lost,
one call that is late, recoveries, death; and a rival that takes the job meanwhile, and to which nothing does. A world
is a small value and a step is a pure function of it; the walk goes breadth first, so the trace to whatever it finds is
a shortest one.

Each worker has one incarnation; `Bounds` says how much happens. Left out are times: a lease
may end at any moment, whether its worker lives or not. Taken as given: that a job has ended is known for as long as
its enqueue is repeated. Lanes, reconciling and a Redis that goes back are for the random runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

UNLUCKY: Final = 0
"""The worker to which everything happens; the other one is its rival."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a walk goes: how often the id is enqueued, and how many claims each worker makes."""

    generations: int
    claims: int


class Harm(StrEnum):
    """What must not happen."""

    PUT_TWICE = "one enqueue has put two jobs in"
    LOST = "an acknowledged job has not ended and is nowhere"
    STALE_END = "an end has ended or returned another run"
    TAKEN_FOR_NOBODY = "a claim has taken a job that its worker does not wait for"
    LEASE_OF_NOBODY = "an incarnation that has gone has a lease"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the scripts look at.

    Attributes:
        tokens: an end names the token of its claim (F3).
        numbers: a claim takes once for its number, and nothing after a later one (F4).
        empty_counts: a repeated claim counts, also where it takes nothing (F4).
        right: an incarnation that was recovered has no right to act (F1).
        gone: an incarnation that has gone never comes back (F1).
        first: only the first claim of an incarnation makes it known (F1).
        bar: a repeated enqueue bars the call that it repeats (F5).
        looks: a repeated enqueue looks for the end of its job (F5).
        beat_xx: a beat renews a lease and creates none (F6).
    """

    tokens: bool = True
    numbers: bool = True
    empty_counts: bool = True
    right: bool = True
    gone: bool = True
    first: bool = True
    bar: bool = True
    looks: bool = True
    beat_xx: bool = True


class Held(NamedTuple):
    """What Redis knows of an incarnation.

    Attributes:
        known: it has a hash, and a lease.
        right: the right to act.
        newest: the number of its newest claim.
        token: the claim that took the job; 0 where it does not hold it.
        gone: it was recovered or retired.
        lease: it has a lease.
    """

    known: bool = False
    right: bool = False
    newest: int = 0
    token: int = 0
    gone: bool = False
    lease: bool = False


class Worker(NamedTuple):
    """What a worker knows of itself.

    Attributes:
        number: of its claim that is under way, or comes next.
        asked: that claim was sent, and not answered.
        answered: a claim of it was answered.
        token: of its run; 0 for none.
        runs: the generation that it runs.
        sent: the end that was sent and not answered.
        is_over: it has died, or was told that it is gone.
        is_dead: it has died.
    """

    number: int = 1
    asked: bool = False
    answered: bool = False
    token: int = 0
    runs: int = 0
    sent: str = ""
    is_over: bool = False
    is_dead: bool = False


class Message(NamedTuple):
    """A call: `what` of worker `at`, or an enqueue."""

    what: str
    at: int = 0
    number: int = 0
    first: bool = False
    again: bool = False
    generation: int = 0


class World(NamedTuple):
    """Everything at one moment.

    Attributes:
        payload: the generation that the queue has; 0 for none.
        queued: it waits.
        held: what Redis knows of each incarnation.
        barred: the generations whose first call is barred.
        ended: the generations that have ended.
        generation: the newest one that was enqueued.
        unsure: the one whose enqueue had no reply; 0 for none.
        acknowledged: the generations that somebody was told are in.
        put: how often each was put in.
        late: the call that is on its way.
        was_late: one call was late; there is no other.
        workers: the two workers.
        harms: what the step that led here has done.
    """

    payload: int = 0
    queued: bool = False
    held: tuple[Held, Held] = (Held(), Held())
    barred: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()
    generation: int = 0
    unsure: int = 0
    acknowledged: frozenset[int] = frozenset()
    put: tuple[int, ...] = (0, 0, 0)
    late: Message | None = None
    was_late: bool = False
    workers: tuple[Worker, Worker] = (Worker(), Worker())
    harms: frozenset[Harm] = frozenset()


Step = tuple[str, World]
Answer = tuple[World, str]


# ---- scripts ---------------------------------------------------------------------------------------------------


def execute(rules: Rules, world: World, message: Message) -> Answer:
    """What a call does and what it answers."""
    return _SCRIPTS[message.what](rules, world, message)


def _enqueue(rules: Rules, world: World, message: Message) -> Answer:
    mine = message.generation
    if message.again:
        world = world._replace(barred=world.barred | {mine})
        if world.payload:
            return world, "in" if world.payload == mine else "existed"
        if rules.looks and mine in world.ended:
            return world, "unknown"
    elif (rules.bar and mine in world.barred) or world.payload:
        return world, "existed"
    put = tuple(count + (at == mine) for at, count in enumerate(world.put))
    harms = world.harms | ({Harm.PUT_TWICE} if put[mine] > 1 else set())
    return world._replace(payload=mine, queued=True, put=put, harms=harms), "in"


def _claim(rules: Rules, world: World, message: Message) -> Answer:
    held = world.held[message.at]
    if not held.known:
        if (rules.gone and held.gone) or (rules.first and not message.first):
            return world, "gone"
        held = held._replace(known=True, right=True)
    if rules.right and not held.right:
        return world, "gone"
    held = held._replace(lease=True)
    if rules.numbers and message.number <= held.newest:
        same = held.token == message.number == held.newest
        return _with_held(world, message.at, held), "taken" if same else "nothing"
    if world.queued:
        worker = world.workers[message.at]
        for_nobody = held.gone or (not worker.is_dead and (worker.is_over or worker.number != message.number))
        harms = world.harms | ({Harm.TAKEN_FOR_NOBODY} if for_nobody else set())
        held = held._replace(newest=message.number, token=message.number)
        return _with_held(world._replace(queued=False, harms=harms), message.at, held), "taken"
    if message.again and rules.empty_counts:
        held = held._replace(newest=message.number)
    return _with_held(world, message.at, held), "nothing"


def _end(rules: Rules, world: World, message: Message) -> Answer:
    held = world.held[message.at]
    if not held.known or (rules.right and not held.right):
        return world, "gone"
    if not held.token or (rules.tokens and held.token != message.number):
        return world, "lost"
    is_stale = held.token != message.number or world.payload != message.generation
    world = world._replace(harms=world.harms | ({Harm.STALE_END} if is_stale else set()))
    world = _with_held(world, message.at, held._replace(token=0))
    if message.what == "finish":
        return world._replace(payload=0, ended=world.ended | {world.payload}), "ok"
    return world._replace(queued=True), "ok"


def _beat(rules: Rules, world: World, message: Message) -> Answer:
    held = world.held[message.at]
    if not rules.beat_xx:
        world = _with_held(world, message.at, held._replace(lease=True))
    return world, "ok" if held.known and held.right else "gone"


def _retire(rules: Rules, world: World, message: Message) -> Answer:
    held = world.held[message.at]
    if not held.known or (rules.right and not held.right):
        return world, "gone"
    if held.token:
        return world, "holds"
    return _with_held(world, message.at, Held(gone=True)), "gone"


_SCRIPTS: Final[dict[str, Callable[[Rules, World, Message], Answer]]] = {
    "enqueue": _enqueue,
    "claim": _claim,
    "finish": _end,
    "hand-back": _end,
    "beat": _beat,
    "retire": _retire,
}


def _with_held(world: World, at: int, held: Held) -> World:
    first, second = world.held
    return world._replace(held=(held, second) if at == 0 else (first, held))


def _with_worker(world: World, at: int, worker: Worker) -> World:
    first, second = world.workers
    return world._replace(workers=(worker, second) if at == 0 else (first, worker))


# ---- steps -----------------------------------------------------------------------------------------------------


def steps(rules: Rules, bounds: Bounds, world: World) -> Iterator[Step]:
    """Everything that can happen next."""
    if world.late is not None:
        message = world.late
        after, _ = execute(rules, world._replace(late=None), message)
        yield f"a late {message.what} comes", after
    yield from _client_steps(rules, bounds, world)
    for at, worker in enumerate(world.workers):
        if at == UNLUCKY:
            yield from _recoveries(world, at)
        if worker.is_over:
            continue
        if at == UNLUCKY:
            yield f"w{at + 1} dies", _with_worker(world, at, Worker(is_over=True, is_dead=True))
        yield from _worker_steps(rules, bounds, world, at)


def _client_steps(rules: Rules, bounds: Bounds, world: World) -> Iterator[Step]:
    if world.unsure:
        message = Message("enqueue", generation=world.unsure, again=True)
        label = "enqueue is repeated"
    elif world.generation < bounds.generations:
        message = Message("enqueue", generation=world.generation + 1)
        label = f"enqueue {message.generation}"
    else:
        return
    sent = world._replace(generation=message.generation, unsure=message.generation)
    after, word = execute(rules, sent, message)
    yield f"{label}, reply lost", after
    if not world.was_late:
        yield f"{label}, late", sent._replace(late=message, was_late=True)
    told = after.acknowledged | ({message.generation} if word == "in" else set())
    yield label, after._replace(unsure=0, acknowledged=told)


def _recoveries(world: World, at: int) -> Iterator[Step]:
    held = world.held[at]
    if held.known and held.right:
        fenced = held._replace(right=False, gone=True)
        yield f"w{at + 1} is fenced", _with_held(world, at, fenced)
    elif held.known:
        world = world._replace(queued=True) if held.token else world
        yield f"w{at + 1} is recovered", _with_held(world, at, Held(gone=True))


def _worker_steps(rules: Rules, bounds: Bounds, world: World, at: int) -> Iterator[Step]:
    worker = world.workers[at]
    if worker.sent:
        yield from _sent(rules, world, at, Message(worker.sent, at, worker.token, generation=worker.runs))
        return
    if worker.token:
        for end in ("finish", "hand-back"):
            yield from _sent(rules, world, at, Message(end, at, worker.token, generation=worker.runs))
    elif worker.number <= bounds.claims:
        first = not worker.answered
        yield from _sent(rules, world, at, Message("claim", at, worker.number, first=first, again=worker.asked))
    if worker.answered and at == UNLUCKY:
        yield from _sent(rules, world, at, Message("beat", at))
        if not worker.token and not worker.asked:
            yield from _sent(rules, world, at, Message("retire", at))


def _sent(rules: Rules, world: World, at: int, message: Message) -> Iterator[Step]:
    label = f"w{at + 1} calls {message.what}"
    waiting = _with_worker(world, at, _waits(world.workers[at], message))
    after, word = execute(rules, waiting, message)
    if at == UNLUCKY:
        yield f"{label}, reply lost", after
    if at == UNLUCKY and not world.was_late:
        yield f"{label}, late", waiting._replace(late=message, was_late=True)
    yield f"{label}: {word}", _with_worker(after, at, _told(waiting.workers[at], message, word, after.payload))


def _waits(worker: Worker, message: Message) -> Worker:
    if message.what == "claim":
        return worker._replace(asked=True)
    return worker._replace(sent=message.what) if message.what in ("finish", "hand-back") else worker


def _told(worker: Worker, message: Message, word: str, payload: int) -> Worker:
    if word == "gone":
        return Worker(is_over=True)
    if message.what == "claim":
        token = message.number if word == "taken" else 0
        runs = payload if token else 0
        return Worker(number=message.number + 1, answered=True, token=token, runs=runs)
    if message.what in ("finish", "hand-back"):
        return worker._replace(token=0, runs=0, sent="")
    return worker


# ---- the walk --------------------------------------------------------------------------------------------------


def harms(world: World) -> Iterator[Harm]:
    """What is wrong in a world, or was by the step that led to it."""
    yield from world.harms
    for generation in world.acknowledged - world.ended:
        if world.payload != generation:
            yield Harm.LOST
    if world.payload and world.queued + sum(held.token > 0 for held in world.held) != 1:
        yield Harm.LOST
    if any(held.lease and not held.known for held in world.held):
        yield Harm.LEASE_OF_NOBODY


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk through all worlds has found: a shortest trace to each harm, and how much there was to see."""

    traces: dict[Harm, list[str]]
    worlds: int
    steps: int
    labels: frozenset[str]


@cache
def walk(rules: Rules, bounds: Bounds, *, to_first_harm: bool = False) -> Walk:
    """Walks through every world that can be reached; not beyond one in which harm was done."""
    origin: dict[World, tuple[World, str] | None] = {World(): None}
    traces: dict[Harm, list[str]] = {}
    labels: set[str] = set()
    taken = 0
    ahead = deque([World()])
    while ahead and not (to_first_harm and traces):
        world = ahead.popleft()
        for label, after in steps(rules, bounds, world):
            taken += 1
            labels.add(label)
            if after in origin:
                continue
            origin[after] = (world, label)
            found = set(harms(after))
            for harm in found - traces.keys():
                traces[harm] = _trace(origin, after)
            if not found:
                ahead.append(after)
    return Walk(traces, len(origin), taken, frozenset(labels))


def _trace(origin: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    labels = []
    while (before := origin[world]) is not None:
        world, label = before
        labels.append(label)
    return labels[::-1]
