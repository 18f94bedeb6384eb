"""Many random runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.model.native.checks import Violation
from tests.model.native.world import World


@dataclass(frozen=True, slots=True)
class Found:
    """What a number of runs has found: the first violation with its seed, and what happened how often."""

    seed: int | None
    violation: Violation | None
    counts: Counter[str]


def run_all(seeds: Iterable[int], make_world: Callable[[int], World] = World, *, steps: int = 120) -> Found:
    """Runs seed after seed until a promise is broken."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        world = make_world(seed)
        try:
            world.run(steps)
        except Violation as violation:
            return Found(seed, violation, counts + world.counts())
        counts += world.counts()
    return Found(None, None, counts)
