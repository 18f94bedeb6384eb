"""Random runs of the native format: no promise is broken, and what may go wrong went wrong often enough to tell."""

from __future__ import annotations

from functools import partial

import pytest

from tests.model.native.runs import run_all
from tests.model.native.world import World

RUNS = 100
STEPS = 100


@pytest.mark.parametrize("goes_back", [False, True], ids=["steady", "Redis goes back"])
def test_no_promise_is_broken(goes_back: bool) -> None:
    found = run_all(range(RUNS), partial(World, goes_back=goes_back), steps=STEPS)
    assert found.violation is None, (found.seed, found.violation, found.violation.__notes__)
    assert found.counts["ends"] > 5 * RUNS
    assert found.counts["late calls"] > 2 * RUNS
    assert found.counts["recovered"] > RUNS / 2
    assert found.counts["retry"] > RUNS / 10
    assert (found.counts["went back"] > RUNS / 2) == goes_back
