"""Each rule of the format, switched off: a run that breaks a promise without it, and that is sound with it.

Not here: `FIRST`, as the others hold already where it does (a fenced worker just learns it at once). `AGAIN_DEADLINE`,
`PURGE_LEAVES_TOMBSTONES`, `LOOK_SEES_MARK`, `LOOK_NAMES_SHARDS`, `GROW_OLD_FIRST`, `GROW_SETTLED`, `REVIVE_SHARDS` and
`RANDOM_INCARNATIONS` have no run of their own: how many runs it takes to find one of them was not established. 500 runs
without `LOOK_SEES_MARK` found nothing. The scripts' tests show the deadline of a repetition; the real scripts, with a
purge that left no tombstones, broke a promise within 40 runs.
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
    ({Guard.RIGHT}, 0, False, "took jobs after it had gone"),
    ({Guard.GONE}, 10, False, "took jobs after it had gone"),
    ({Guard.TOKEN}, 59, False, "a stale end"),
    ({Guard.CLAIM_NUMBERS}, 0, False, "nobody waits for"),
    ({Guard.EMPTY_REPEATED_CLAIM}, 13, False, "nobody waits for"),
    ({Guard.BAR}, 1, False, "put in 2 times"),
    ({Guard.AGAIN_LOOKS}, 47, False, "put in 2 times"),
    ({Guard.BEAT_XX}, 0, False, "a lease of nobody"),
    ({Guard.RECOVER_LANE}, 0, False, "wrong lane"),
    ({Guard.ALONE}, 41, False, "did not come alone"),
    ({Guard.ABORT_STAYS}, 0, False, "a claim said"),
    ({Guard.STAMP_RANGE}, 78, False, "was overtaken"),
    ({Guard.SHARDS_NAMED}, 119, False, "in two shards"),
    ({Guard.OLD_HOME}, 7, False, "in two shards"),
    ({Guard.TRANSFER_MARK}, 204, False, "put in 2 times"),
    ({Guard.LEASE_KEEPS_SCORE}, 81, False, "after a younger one"),
    ({Guard.RECONCILE}, 16, True, "never ends"),
    ({Guard.RECONCILE_LANES}, 12, True, "and lost it"),
    ({Guard.RECONCILE_RANGES}, 10, True, "and lost it"),
    ({Guard.RETIRE_EMPTY}, 288, True, "nowhere"),
]


@pytest.mark.parametrize(("without", "seed", "goes_back", "promise"), BROKEN)
def test_each_rule_is_needed(without: set[Guard], seed: int, goes_back: bool, promise: str) -> None:
    with pytest.raises(Violation, match=promise):
        World(seed, ALL_GUARDS - without, goes_back=goes_back).run(STEPS)
    World(seed, goes_back=goes_back).run(STEPS)
