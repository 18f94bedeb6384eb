"""Long runs: `python -m tests.model.native RUNS [--steps N] [--first N] [--steady] [--real [--move | --grow]] ...`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from redis import Redis

from monarq.embedded import EmbeddedRedis
from tests.model.native.guards import ALL_GUARDS, Guard
from tests.model.native.model_scripts import ModelScripts
from tests.model.native.real_scripts import RealScripts
from tests.model.native.real_source import RealSource
from tests.model.native.runs import run_all
from tests.model.native.source_queue import ModelSource
from tests.model.native.world import MakeScripts, MakeSource, Setting, World


def main() -> int:
    """Runs, and says what was found; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.native", description=__doc__)
    parser.add_argument("runs", type=int, help="how many random runs")
    parser.add_argument("--steps", type=int, default=200, help="random steps of each run")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steady", action="store_true", help="Redis never goes back to an earlier state")
    parser.add_argument("--real", action="store_true", help="the real scripts, on a Redis that is started for them")
    parser.add_argument("--grow", action="store_true", help="with --real: the queue has shards, and gets more")
    parser.add_argument(
        "--move", action="store_true", help="with --real: jobs are moved to it from a queue of arq's format"
    )
    parser.add_argument(
        "--without", action="append", default=[], choices=[guard.name for guard in Guard], help="a rule to switch off"
    )
    asked = parser.parse_args()
    began = time.monotonic()
    guards = ALL_GUARDS - {Guard[name] for name in asked.without}
    seeds = range(asked.first, asked.first + asked.runs)
    goes_back = not asked.steady
    of_real = Setting.moving if asked.move else partial(Setting.real, grows=asked.grow)
    setting = of_real(goes_back=goes_back) if asked.real else None
    with _actors(real=asked.real) as (make_scripts, make_source):
        make_world = partial(
            World,
            guards=guards,
            goes_back=goes_back,
            make_scripts=make_scripts,
            make_source=make_source,
            setting=setting,
        )
        found = run_all(seeds, make_world, steps=asked.steps)
    print(f"{time.monotonic() - began:.0f} s;", ", ".join(f"{name}: {count:,}" for name, count in found.counts.items()))
    if found.violation is None:
        print(f"{asked.runs:,} runs of {asked.steps} steps: no promise was broken")
        return 0
    print(f"seed {found.seed}: {found.violation}")
    print(*found.violation.__notes__, sep="\n")
    return 1


@contextmanager
def _actors(*, real: bool) -> Iterator[tuple[MakeScripts, MakeSource]]:
    if not real:
        yield ModelScripts, ModelSource
        return
    with EmbeddedRedis() as server, Redis.from_url(server.url, single_connection_client=True) as client:
        yield partial(RealScripts, client), partial(RealSource, client)


if __name__ == "__main__":
    sys.exit(main())
