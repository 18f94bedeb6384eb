"""Each rule of the format, switched off: a run that breaks a promise without it, and that is sound with it.

Not here: `FIRST`, as the others hold already where it does (a fenced worker just learns it at once). The rules of
growth that chance hardly needs have scenes in `test_growth_guards.py`. `AGAIN_DEADLINE`, `PURGE_LEAVES_TOMBSTONES`,
`LOOK_SEES_MARK` and `RANDOM_INCARNATIONS` have no run of their own: how many runs it takes to find one of them was not
established. 500 runs without `LOOK_SEES_MARK` found nothing. The scripts' tests show the deadline of a repetition; the
real scripts, with a purge that left no tombstones, broke a promise within 40 runs.
A seed stands for one run. Where the model changes, `python -m tests.model.native 1000 --steps 150 --without RULE`
finds another.
"""

from __future__ import annotations

import pytest

from tests.model.native.checks import Violation
from tests.model.native.guards import ALL_GUARDS, Guard
from tests.model.native.world import World

STEPS = 150

BROKEN: list[tuple[set[Guard], int, bool, str]] = [
    ({Guard.RIGHT}, 32, False, "took jobs after it had gone"),
    ({Guard.GONE}, 10, False, "took jobs after it had gone"),
    ({Guard.TOKEN}, 6, False, "a stale end"),
    ({Guard.CLAIM_NUMBERS}, 14, False, "nobody waits for"),
    ({Guard.EMPTY_REPEATED_CLAIM}, 74, False, "nobody waits for"),
    ({Guard.BAR}, 12, False, "put in 2 times"),
    ({Guard.AGAIN_LOOKS}, 86, False, "put in 2 times"),
    ({Guard.BEAT_XX}, 1, False, "a lease of nobody"),
    ({Guard.RECOVER_LANE}, 2, False, "wrong lane"),
    ({Guard.ALONE}, 44, False, "did not come alone"),
    ({Guard.CANCEL_STAYS}, 6, False, "a claim said"),
    ({Guard.STAMP_RANGE}, 120, False, "was overtaken"),
    ({Guard.SHARDS_NAMED}, 287, False, "in two shards"),
    ({Guard.OLD_HOME}, 7, False, "in two shards"),
    ({Guard.TRANSFER_MARK}, 6, False, "put in 2 times"),
    ({Guard.LEASE_KEEPS_SCORE}, 27, False, "after a younger one"),
    ({Guard.NOT_RESUMED}, 0, False, "has run where it came from"),
    ({Guard.DROP_SEES_CANCEL}, 231, False, "the request for the cancellation"),
    ({Guard.DROP_LEAVES_TRACE}, 318, False, "put in again where it came from"),
    ({Guard.RECONCILE}, 16, True, "never ends"),
    ({Guard.RECONCILE_LANES}, 5, True, "and lost it"),
    ({Guard.RECONCILE_RANGES}, 10, True, "and lost it"),
    ({Guard.RETIRE_EMPTY}, 412, True, "nowhere"),
]


@pytest.mark.parametrize(("without", "seed", "goes_back", "promise"), BROKEN)
def test_each_rule_is_needed(without: set[Guard], seed: int, goes_back: bool, promise: str) -> None:
    with pytest.raises(Violation, match=promise):
        World(seed, ALL_GUARDS - without, goes_back=goes_back).run(STEPS)
    World(seed, goes_back=goes_back).run(STEPS)
