"""Every order of everything in a small world: the fences hold, and each that this world can need is needed.

It does not need `Rules.first`, that only the first claim makes an incarnation known: `gone` and the tokens hold there
already. The rule stays, as a worker that was fenced learns it at once.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.native.small_model import Bounds, Harm, Rules, walk

ID_IS_FREE_AGAIN = Bounds(generations=2, claims=1)
TAKEN_AGAIN = Bounds(generations=1, claims=2)


@pytest.mark.parametrize(
    ("bounds", "worlds", "steps"), [(ID_IS_FREE_AGAIN, 27_099, 154_525), (TAKEN_AGAIN, 28_266, 184_616)]
)
def test_no_harm_is_done_in_any_order(bounds: Bounds, worlds: int, steps: int) -> None:
    found = walk(Rules(), bounds)
    shown = "\n".join(f"{harm.value}: {' > '.join(trace)}" for harm, trace in found.traces.items())
    assert not found.traces, shown
    assert (found.worlds, found.steps) == (worlds, steps), "the model has changed: say so here"
    missing = {
        "enqueue is repeated, reply lost",
        "a late enqueue comes",
        "a late claim comes",
        "a late finish comes",
        "a late hand-back comes",
        "a late beat comes",
        "a late retire comes",
        "w1 calls claim: gone",
        "w1 calls finish: lost",
        "w1 calls hand-back: gone",
        "w1 dies",
        "w1 is recovered",
        "w2 calls finish: ok",
    } - found.labels
    assert not missing


@pytest.mark.parametrize(
    ("rules", "harm", "trace"),
    [
        (
            replace(Rules(), tokens=False),
            Harm.STALE_END,
            [
                "enqueue 1, reply lost",
                "w1 calls claim: taken",
                "w1 calls hand-back, late",
                "w1 calls hand-back: ok",
                "w1 calls claim, reply lost",
                "a late hand-back comes",
            ],
        ),
        (
            replace(Rules(), numbers=False),
            Harm.TAKEN_FOR_NOBODY,
            ["w1 calls claim, late", "w1 calls claim: nothing", "enqueue 1, reply lost", "a late claim comes"],
        ),
        (
            replace(Rules(), empty_counts=False),
            Harm.TAKEN_FOR_NOBODY,
            ["w1 calls claim, late", "w1 calls claim: nothing", "enqueue 1, reply lost", "a late claim comes"],
        ),
        (
            replace(Rules(), right=False),
            Harm.TAKEN_FOR_NOBODY,
            ["w1 calls claim, reply lost", "enqueue 1, reply lost", "w1 is fenced", "w1 calls claim, reply lost"],
        ),
        (
            replace(Rules(), gone=False),
            Harm.TAKEN_FOR_NOBODY,
            [
                "enqueue 1, reply lost",
                "w1 calls claim, reply lost",
                "w1 is fenced",
                "w1 is recovered",
                "w1 calls claim, reply lost",
            ],
        ),
        (
            replace(Rules(), bar=False),
            Harm.PUT_TWICE,
            [
                "enqueue 1, late",
                "enqueue is repeated, reply lost",
                "w1 calls claim: taken",
                "w1 calls finish, reply lost",
                "a late enqueue comes",
            ],
        ),
        (
            replace(Rules(), looks=False),
            Harm.PUT_TWICE,
            [
                "enqueue 1, reply lost",
                "w1 calls claim: taken",
                "w1 calls finish, reply lost",
                "enqueue is repeated, reply lost",
            ],
        ),
        (
            replace(Rules(), beat_xx=False),
            Harm.LEASE_OF_NOBODY,
            ["w1 calls claim: nothing", "w1 calls retire, reply lost", "w1 calls beat, reply lost"],
        ),
    ],
)
def test_each_rule_is_needed(rules: Rules, harm: Harm, trace: list[str]) -> None:
    assert walk(rules, TAKEN_AGAIN, to_first_harm=True).traces == {harm: trace}
