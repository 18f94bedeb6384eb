"""Long runs: `python -m tests.model.native RUNS [--steps N] [--first SEED] [--steady] [--without GUARD]`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.model.native.guards import ALL_GUARDS, Guard
from tests.model.native.runs import run_all


def main() -> int:
    """Runs, and says what was found; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.native", description=__doc__)
    parser.add_argument("runs", type=int, help="how many random runs")
    parser.add_argument("--steps", type=int, default=200, help="random steps of each run")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steady", action="store_true", help="Redis never goes back to an earlier state")
    parser.add_argument(
        "--without", action="append", default=[], choices=[guard.name for guard in Guard], help="a rule to switch off"
    )
    asked = parser.parse_args()
    began = time.monotonic()
    guards = ALL_GUARDS - {Guard[name] for name in asked.without}
    seeds = range(asked.first, asked.first + asked.runs)
    found = run_all(seeds, guards, steps=asked.steps, goes_back=not asked.steady)
    print(f"{time.monotonic() - began:.0f} s;", ", ".join(f"{name}: {count:,}" for name, count in found.counts.items()))
    if found.violation is None:
        print(f"{asked.runs:,} runs of {asked.steps} steps: no promise was broken")
        return 0
    print(f"seed {found.seed}: {found.violation}")
    print(*found.violation.__notes__, sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
